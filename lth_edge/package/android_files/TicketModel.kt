// Runs the model that lth-edge put among this app's assets. SPDX-License-Identifier: MIT-0
package lth_edge

import ai.onnxruntime.OnnxJavaType
import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtException
import ai.onnxruntime.OrtSession
import android.content.res.AssetManager
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.json.JSONArray
import org.json.JSONObject

/** A loaded model. Threads may share it; loading takes a moment, so not on the main thread. */
class TicketModel(private val assets: AssetManager, private val threads: Int = 1) : AutoCloseable {
    private val environment = OrtEnvironment.getEnvironment()
    private val manifest = JSONObject(String(read("manifest.json")))
    private val inputs = manifest.getJSONArray("inputs")
    private val outputs = manifest.getJSONArray("outputs")

    /** The file in use: the model, or its fallback of standard operators where the kernels do not load. */
    val file: String
    private val session: OrtSession

    init {
        val model = manifest.getString("model")
        val fallback = manifest.getString("fallback")
        val sparse = (manifest.optJSONObject("libraries")?.length() ?: 0) > 0
        val (name, opened) =
            try {
                model to open(model, sparse)
            } catch (error: OrtException) {
                if (model == fallback) throw error
                fallback to open(fallback, kernels = false)
            } catch (error: UnsatisfiedLinkError) {
                fallback to open(fallback, kernels = false)
            }
        file = name
        session = opened
    }

    /**
     * Outputs for one example or a batch, each as the model stores it.
     *
     * @param arrays one direct buffer in native byte order for each input of the manifest, in its order.
     */
    fun run(vararg arrays: ByteBuffer): List<ByteBuffer> {
        val feed = arrays.mapIndexed { i, array -> inputs.getJSONObject(i).let { it.getString("name") to tensor(it, array) } }
        try {
            session.run(feed.toMap()).use { results ->
                return outputs.map { copy(results.get(it.getString("name")).get() as OnnxTensor) }
            }
        } finally {
            feed.forEach { it.second.close() }
        }
    }

    /** The test vector's largest error, as a share of the largest output; above the manifest's tolerance is wrong. */
    fun check(): Float {
        val given = Array(inputs.length()) { direct(read("input_$it.bin")) }
        return run(*given).withIndex().maxOf { (i, result) ->
            check(outputs.getJSONObject(i).getString("dtype") == "float32") { "only float outputs are compared here" }
            val expected = direct(read("output_$i.bin")).asFloatBuffer()
            val computed = result.asFloatBuffer()
            check(computed.remaining() == expected.remaining()) { "another number of outputs than recorded" }
            var error = 0f
            var largest = Float.MIN_VALUE
            for (at in 0 until expected.remaining()) {
                error = maxOf(error, kotlin.math.abs(computed[at] - expected[at]))
                largest = maxOf(largest, kotlin.math.abs(expected[at]))
            }
            error / largest
        }
    }

    override fun close() = session.close()

    private fun open(name: String, kernels: Boolean): OrtSession =
        OrtSession.SessionOptions().use { options ->
            options.setIntraOpNumThreads(threads)
            if (kernels) {
                // Loaded by its name alone, so that it may stay packed inside the APK.
                System.loadLibrary("lth_edge")
                options.registerCustomOpLibrary("liblth_edge.so")
            }
            environment.createSession(read(name), options)
        }

    private fun tensor(input: JSONObject, array: ByteBuffer): OnnxTensor {
        val type = TYPES.getValue(input.getString("dtype"))
        val axes = input.getJSONArray("shape")
        val fixed = (0 until axes.length()).map { if (axes.isNull(it)) 1L else axes.getLong(it) }
        val batch = array.remaining() / (fixed.fold(1L) { product, axis -> product * axis } * type.size)
        val shape = fixed.mapIndexed { i, axis -> if (axes.isNull(i)) batch else axis }
        return OnnxTensor.createTensor(environment, array, shape.toLongArray(), type)
    }

    private fun copy(tensor: OnnxTensor): ByteBuffer = tensor.byteBuffer.order(ByteOrder.nativeOrder())

    private fun read(name: String): ByteArray = assets.open("lth_edge/$name").use { it.readBytes() }

    private fun direct(bytes: ByteArray): ByteBuffer =
        ByteBuffer.allocateDirect(bytes.size).order(ByteOrder.nativeOrder()).put(bytes).apply { rewind() }

    private fun <T> JSONArray.map(transform: (JSONObject) -> T): List<T> =
        (0 until length()).map { transform(getJSONObject(it)) }

    private companion object {
        val TYPES =
            mapOf(
                "float32" to OnnxJavaType.FLOAT,
                "float64" to OnnxJavaType.DOUBLE,
                "uint8" to OnnxJavaType.UINT8,
                "int8" to OnnxJavaType.INT8,
                "int32" to OnnxJavaType.INT32,
                "int64" to OnnxJavaType.INT64,
                "bool" to OnnxJavaType.BOOL,
            )
    }
}
