// Runs a package of lth-edge on onnxruntime's C API: one file, C++17, no other library.
//
//   run PACKAGE                    check the model on this machine: it must repeat its test vector
//   run PACKAGE INPUT              predict: a .npy file, or the input's raw bytes; one example or a batch
//
//   --fallback                     use the fallback of standard operators
//   --onnxruntime FILE             the library of onnxruntime, where the system does not find libonnxruntime.so.1
//   --threads N                    of onnxruntime (default: 1)
//   --time                         print the median latency over 100 runs
//   -k N                           classes to print per example (default: 5)
//
// Exit codes: 0 done, 2 wrong command line, 3 bad input, 4 cannot run here, 5 other outputs than recorded, 6 damaged.
//
// SPDX-License-Identifier: MIT-0

#include <dlfcn.h>
#include <onnxruntime_c_api.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr uint32_t kApiVersion = 17;  // of onnxruntime 1.17, which every later one offers too
constexpr int kTimedRuns = 100, kWarmUpRuns = 10;
enum Code { kDone = 0, kUsage = 2, kBadInput = 3, kCannotRun = 4, kWrongOutput = 5, kDamaged = 6 };

// A message for people, and the exit code it becomes.
struct Problem {
  Code code;
  std::string message;
};

std::string read_file(const std::string& path, Code code) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  // A folder opens and then cannot be read; only the stream's own operators tell it without an exception.
  if (!file.is_open() || (file.peek() != EOF && !(bytes << file.rdbuf())) || file.bad())
    throw Problem{code, "cannot read " + path};
  return bytes.str();
}

// ---- manifest.json ----

struct Json {
  std::string text;                // of a string, a number, true, false or null
  std::vector<std::string> names;  // of an object's items
  std::vector<Json> items;         // of an object or an array

  const Json& operator[](const std::string& name) const {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) throw Problem{kDamaged, "manifest.json has no " + name};
    return items[found - names.begin()];
  }
};

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : rest_(text) {}

  Json read() {
    if (++depth_ > 64) fail();
    Json value;
    const char first = next();
    if (first == '{' || first == '[') {
      rest_.remove_prefix(1);
      const char last = first == '{' ? '}' : ']';
      while (next() != last) {
        if (first == '{') value.names.push_back(string());
        if (first == '{') take(':');
        value.items.push_back(read());
        if (next() != last) take(',');
      }
      take(last);
    } else {
      value.text = first == '"' ? string() : word();
    }
    --depth_;
    return value;
  }

 private:
  [[noreturn]] static void fail() { throw Problem{kDamaged, "manifest.json is not valid JSON"}; }

  char next() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
    if (rest_.empty()) fail();
    return rest_.front();
  }

  void take(char wanted) {
    if (next() != wanted) fail();
    rest_.remove_prefix(1);
  }

  std::string word() {
    const size_t size = std::min(rest_.find_first_of(",]} \t\r\n"), rest_.size());
    std::string found(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return found;
  }

  std::string string() {
    std::string text;
    for (take('"'); !rest_.empty() && rest_.front() != '"'; rest_.remove_prefix(1)) {
      if (rest_.front() != '\\') {
        text += rest_.front();
        continue;
      }
      rest_.remove_prefix(1);
      if (rest_.empty()) fail();
      if (rest_.front() == 'u') code_point(text);
      else text += escaped(rest_.front());
    }
    if (rest_.empty()) fail();
    rest_.remove_prefix(1);
    return text;
  }

  static char escaped(char letter) {
    constexpr std::string_view letters = "nrtbf", meant = "\n\r\t\b\f";
    const size_t at = letters.find(letter);
    return at == letters.npos ? letter : meant[at];
  }

  // As UTF-8; beyond the first 65536 two of them stand for one character.
  void code_point(std::string& text) {
    uint32_t code = four_digits();
    if (code >= 0xD800 && code < 0xDC00 && rest_.size() > 6 && rest_.substr(1, 2) == "\\u") {
      rest_.remove_prefix(2);
      code = 0x10000 + ((code - 0xD800) << 10) + (four_digits() - 0xDC00);
    }
    const int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    constexpr unsigned char starts[] = {0, 0xC0, 0xE0, 0xF0};
    text += static_cast<char>(starts[more] | (code >> (6 * more)));
    for (int i = more - 1; i >= 0; --i) text += static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3F));
  }

  // Leaves the last digit to be removed.
  uint32_t four_digits() {
    if (rest_.size() < 5) fail();
    const std::string digits(rest_.substr(1, 4));
    rest_.remove_prefix(4);
    return static_cast<uint32_t>(std::strtoul(digits.c_str(), nullptr, 16));
  }

  std::string_view rest_;
  int depth_ = 0;
};

// ---- arrays ----

// numpy's name of a type in manifest.json, its name in a file, onnxruntime's, and how one number of it is read.
struct Type {
  const char *name, *in_file;
  ONNXTensorElementDataType onnx;
  size_t size;
  double (*number)(const char* at);
};

template <typename T>
double number(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return static_cast<double>(value);
}

constexpr Type kTypes[] = {
    {"float32", "<f4", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, 4, number<float>},
    {"float64", "<f8", ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, 8, number<double>},
    {"uint8", "|u1", ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, 1, number<uint8_t>},
    {"int8", "|i1", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, 1, number<int8_t>},
    {"int32", "<i4", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, 4, number<int32_t>},
    {"int64", "<i8", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, 8, number<int64_t>},
    {"bool", "|b1", ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, 1, number<uint8_t>},
};

using Shape = std::vector<int64_t>;

struct Array {
  const Type* type;
  Shape shape;
  std::string bytes;

  double at(size_t index) const { return type->number(bytes.data() + index * type->size); }
  size_t count() const { return bytes.size() / type->size; }
};

// An input or output of the model; an axis of -1 is free.
struct Tensor {
  std::string name;
  const Type* type;
  Shape shape;
};

// Bytes of an array; throws where an axis is below 0 or no memory would hold it.
size_t bytes_of(const Shape& shape, const Type& type, Code code) {
  size_t bytes = type.size;
  for (const int64_t axis : shape)
    if (axis < 0 || __builtin_mul_overflow(bytes, static_cast<size_t>(axis), &bytes) || bytes > PTRDIFF_MAX)
      throw Problem{code, "an array has an odd shape"};
  return bytes;
}

std::string in_words(const Shape& shape) {
  std::string text;
  for (const int64_t axis : shape) text += (text.empty() ? "" : ", ") + (axis < 0 ? "N" : std::to_string(axis));
  return "[" + text + "]";
}

template <typename T>
T unpacked(std::string_view bytes, size_t at, Code code) {
  if (at > bytes.size() || bytes.size() - at < sizeof(T)) throw Problem{code, "an array ends before its end"};
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// The text in a .npy file's header from `name` on, such as (4, 64), ... for "'shape': ".
std::string_view header_field(std::string_view header, std::string_view name, Code code) {
  const size_t at = header.find(name);
  if (at == header.npos) throw Problem{code, "an array has no " + std::string(name)};
  return header.substr(at + name.size());
}

Array read_npy(std::string_view bytes, Code code) {
  if (bytes.substr(0, 6) != "\x93NUMPY") throw Problem{code, "that is no .npy file"};
  const bool is_long = unpacked<uint8_t>(bytes, 6, code) > 1;
  const size_t size = is_long ? unpacked<uint32_t>(bytes, 8, code) : unpacked<uint16_t>(bytes, 8, code);
  const size_t start = is_long ? 12 : 10;
  if (size > bytes.size() - start) throw Problem{code, "an array ends before its end"};
  const std::string_view header = bytes.substr(start, size);
  const std::string_view descr = header_field(header, "'descr': '", code);
  const auto type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                 [&](const Type& t) { return descr.substr(0, 4) == std::string(t.in_file) + "'"; });
  if (type == std::end(kTypes)) throw Problem{code, "an array is of a type that is not read here"};
  if (header_field(header, "'fortran_order': ", code).substr(0, 4) == "True")
    throw Problem{code, "an array is in Fortran's order; save it by numpy.ascontiguousarray"};
  const std::string axes(header_field(header, "'shape': (", code));
  Array array{type, {}, std::string(bytes.substr(start + size))};
  for (const char* at = axes.c_str(); *at != ')' && *at != 0; at += std::strspn(at, ", ")) {
    char* end;
    array.shape.push_back(std::strtoll(at, &end, 10));
    if (end == at) throw Problem{code, "an array has an odd shape"};
    at = end;
  }
  if (array.bytes.size() != bytes_of(array.shape, *type, code)) throw Problem{code, "an array ends before its end"};
  return array;
}

// One array of a .npz file, which is a zip whose entries numpy.savez does not compress.
Array read_npz(std::string_view zip, const std::string& name) {
  const size_t end = zip.rfind("PK\5\6");
  if (end == zip.npos) throw Problem{kDamaged, "the test vector is no .npz file"};
  size_t at = unpacked<uint32_t>(zip, end + 16, kDamaged);
  for (int left = unpacked<uint16_t>(zip, end + 10, kDamaged); left > 0; --left) {
    const auto half = [&](size_t offset) { return unpacked<uint16_t>(zip, at + offset, kDamaged); };
    const auto word = [&](size_t offset) { return unpacked<uint32_t>(zip, at + offset, kDamaged); };
    const size_t start = word(42), size = word(20), name_size = half(28);
    if (half(10) == 0 && zip.substr(std::min(at + 46, zip.size()), name_size) == name + ".npy") {
      const size_t skipped =
          unpacked<uint16_t>(zip, start + 26, kDamaged) + unpacked<uint16_t>(zip, start + 28, kDamaged);
      return read_npy(zip.substr(std::min(start + 30 + skipped, zip.size()), size), kDamaged);
    }
    at += 46 + name_size + half(30) + half(32);
  }
  throw Problem{kDamaged, "the test vector has no " + name};
}

// The array of an input file, with a batch axis where it has none.
Array read_input(const std::string& path, const Tensor& tensor) {
  const std::string bytes = read_file(path, kBadInput);
  if (bytes.substr(0, 6) != "\x93NUMPY") {
    Shape shape = tensor.shape;
    const auto free = std::find(shape.begin(), shape.end(), -1);
    if (free != shape.end()) *free = 1;
    if (std::count(shape.begin(), shape.end(), -1) > 0)
      throw Problem{kBadInput, tensor.name + " has several free axes; give a .npy file"};
    const size_t example = bytes_of(shape, *tensor.type, kDamaged);
    if (example == 0) throw Problem{kDamaged, "manifest.json names an axis of no length"};
    if (bytes.empty() || bytes.size() % example != 0 || (free == shape.end() && bytes.size() != example))
      throw Problem{kBadInput, tensor.name + " takes " + std::to_string(example) + " bytes an example, and " + path +
                                   " holds " + std::to_string(bytes.size())};
    if (free != shape.end()) *free = static_cast<int64_t>(bytes.size() / example);
    return {tensor.type, shape, bytes};
  }
  Array array = read_npy(bytes, kBadInput);
  if (array.type != tensor.type)
    throw Problem{kBadInput, tensor.name + " must be " + tensor.type->name + ", not " + array.type->name};
  Shape shape = array.shape;
  if (shape.size() + 1 == tensor.shape.size()) shape.insert(shape.begin(), 1);
  const auto fits = [](int64_t wanted, int64_t given) { return wanted < 0 || wanted == given; };
  if (!std::equal(tensor.shape.begin(), tensor.shape.end(), shape.begin(), shape.end(), fits))
    throw Problem{kBadInput, tensor.name + " must have the shape " + in_words(tensor.shape) + " (N is free), not " +
                                 in_words(array.shape)};
  array.shape = shape;
  return array;
}

// ---- onnxruntime ----

// Major and minor number.
std::pair<int, int> release(const std::string& version) {
  std::pair<int, int> found{0, 0};
  std::sscanf(version.c_str(), "%d.%d", &found.first, &found.second);
  return found;
}

class Onnxruntime {
 public:
  explicit Onnxruntime(const std::string& library) {
    void* loaded = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    void* entry = loaded ? dlsym(loaded, "OrtGetApiBase") : nullptr;
    if (!entry) throw Problem{kCannotRun, std::string(dlerror()) + "; name the library by --onnxruntime FILE"};
    const OrtApiBase* base = reinterpret_cast<const OrtApiBase* (*)()>(entry)();
    version = base->GetVersionString();
    api = base->GetApi(kApiVersion);
    if (!api) throw Problem{kCannotRun, "onnxruntime " + version + " is too old"};
    check(api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "lth-edge", &env_));
    check(api->DisableTelemetryEvents(env_));
    check(api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory_));
  }

  void check(OrtStatus* status) const {
    if (!status) return;
    const std::string message = api->GetErrorMessage(status);
    api->ReleaseStatus(status);
    throw Problem{kCannotRun, message};
  }

  OrtSession* load(const std::string& model, int threads, const std::string& kernels) const {
    OrtSessionOptions* options;
    check(api->CreateSessionOptions(&options));
    const std::unique_ptr<OrtSessionOptions, void (*)(OrtSessionOptions*)> released(options,
                                                                                    api->ReleaseSessionOptions);
    check(api->SetIntraOpNumThreads(options, threads));
    check(api->SetInterOpNumThreads(options, 1));
    check(api->AddSessionConfigEntry(options, "session.set_denormal_as_zero", "1"));
    if (!kernels.empty()) check(api->RegisterCustomOpsLibrary_V2(options, kernels.c_str()));
    OrtSession* session;
    check(api->CreateSession(env_, model.c_str(), options, &session));
    return session;
  }

  OrtValue* value(Array& array) const {
    OrtValue* made;
    check(api->CreateTensorWithDataAsOrtValue(memory_, array.bytes.data(), array.bytes.size(), array.shape.data(),
                                              array.shape.size(), array.type->onnx, &made));
    return made;
  }

  Array array(const OrtValue* value, const Tensor& tensor) const {
    OrtTensorTypeAndShapeInfo* info;
    check(api->GetTensorTypeAndShape(value, &info));
    const std::unique_ptr<OrtTensorTypeAndShapeInfo, void (*)(OrtTensorTypeAndShapeInfo*)> released(
        info, api->ReleaseTensorTypeAndShapeInfo);
    size_t axes;
    void* data;
    ONNXTensorElementDataType type;
    check(api->GetTensorElementType(info, &type));
    if (type != tensor.type->onnx) throw Problem{kDamaged, tensor.name + " is of another type than manifest.json says"};
    check(api->GetDimensionsCount(info, &axes));
    Array made{tensor.type, Shape(axes), {}};
    check(api->GetDimensions(info, made.shape.data(), axes));
    check(api->GetTensorMutableData(const_cast<OrtValue*>(value), &data));
    made.bytes.assign(static_cast<const char*>(data), bytes_of(made.shape, *tensor.type, kCannotRun));
    return made;
  }

  const OrtApi* api;
  std::string version;

 private:
  OrtEnv* env_;
  OrtMemoryInfo* memory_;
};

// ---- the package ----

#if defined(__APPLE__)
constexpr const char* kSystem = "macos";
constexpr const char* kArm = "arm64";
#else
constexpr const char* kSystem = "linux";
constexpr const char* kArm = "aarch64";
#endif
#if defined(__aarch64__)
const std::string kTarget = std::string(kSystem) + "-" + kArm;
#else
const std::string kTarget = std::string(kSystem) + "-x86_64";
#endif

class Package {
 public:
  Package(const std::string& folder, const Onnxruntime& onnxruntime, int threads, bool fallback)
      : manifest(JsonReader(text_ = read_file(folder + "/manifest.json", kDamaged)).read()),
        inputs(tensors(manifest["inputs"])),
        outputs(tensors(manifest["outputs"])),
        onnxruntime_(onnxruntime) {
    const std::string model = manifest["model"].text, other = manifest["fallback"].text;
    const std::string& oldest = manifest["oldest_onnxruntime"].text;
    if (release(onnxruntime.version) < release(oldest))  // it may load the model and compute something else
      throw Problem{kCannotRun,
                    "this is onnxruntime " + onnxruntime.version + "; the package needs " + oldest + " or later"};
    file = fallback ? other : model;
    try {
      session_ = onnxruntime.load(folder + "/" + file, threads, file == other ? "" : kernels(folder));
    } catch (const Problem& problem) {
      if (file == other) throw;
      std::fprintf(stderr, "run: cannot load %s: %s\nrun: using %s instead\n", file.c_str(), problem.message.c_str(),
                   other.c_str());
      file = other;
      session_ = onnxruntime.load(folder + "/" + file, threads, "");
    }
  }

  std::vector<Array> run(std::vector<Array>& arrays) const {
    std::vector<const char*> in, out;
    std::vector<OrtValue*> given, got(outputs.size());
    for (const Tensor& tensor : inputs) in.push_back(tensor.name.c_str());
    for (const Tensor& tensor : outputs) out.push_back(tensor.name.c_str());
    for (Array& array : arrays) given.push_back(onnxruntime_.value(array));
    OrtStatus* status = onnxruntime_.api->Run(session_, nullptr, in.data(), given.data(), given.size(), out.data(),
                                              out.size(), got.data());
    for (OrtValue* value : given) onnxruntime_.api->ReleaseValue(value);
    onnxruntime_.check(status);
    std::vector<Array> results;
    for (size_t i = 0; i < got.size(); ++i) results.push_back(onnxruntime_.array(got[i], outputs[i]));
    for (OrtValue* value : got) onnxruntime_.api->ReleaseValue(value);
    return results;
  }

  // Its inputs and the outputs that they gave where it was packed.
  std::vector<Array> recorded(const std::string& folder, const std::string& kind, size_t count) const {
    const std::string zip = read_file(folder + "/" + manifest["test_vector"]["file"].text, kDamaged);
    std::vector<Array> arrays;
    for (size_t i = 0; i < count; ++i) arrays.push_back(read_npz(zip, kind + "_" + std::to_string(i)));
    return arrays;
  }

 private:
  std::string text_;

 public:
  const Json manifest;
  const std::vector<Tensor> inputs, outputs;
  std::string file;

 private:
  static std::vector<Tensor> tensors(const Json& listed) {
    std::vector<Tensor> found;
    for (const Json& item : listed.items) {
      const auto type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                     [&](const Type& t) { return item["dtype"].text == t.name; });
      if (type == std::end(kTypes)) throw Problem{kCannotRun, item["dtype"].text + " is a type that is not read here"};
      Tensor tensor{item["name"].text, type, {}};
      for (const Json& axis : item["shape"].items)
        tensor.shape.push_back(axis.text == "null" ? -1 : std::strtoll(axis.text.c_str(), nullptr, 10));
      found.push_back(tensor);
    }
    return found;
  }

  // The library to register on this machine; none where the model needs none.
  std::string kernels(const std::string& folder) const {
    const Json& libraries = manifest["libraries"];
    if (libraries.items.empty()) return "";
    if (std::count(libraries.names.begin(), libraries.names.end(), kTarget) == 0)
      throw Problem{kCannotRun, "it needs kernels, and this package has none for " + kTarget};
    const std::string path = folder + "/" + libraries[kTarget].text;
    return path.front() == '/' ? path : "./" + path;  // else the loader looks among the system's
  }

  const Onnxruntime& onnxruntime_;
  OrtSession* session_;
};

// Largest difference, as a share of the largest number expected.
double error_of(const Array& got, const Array& expected) {
  if (got.shape != expected.shape || got.type != expected.type) return INFINITY;
  double difference = 0, largest = 0;
  for (size_t i = 0; i < got.count(); ++i) {
    if (!std::isfinite(got.at(i)) || !std::isfinite(expected.at(i))) return INFINITY;
    difference = std::max(difference, std::abs(got.at(i) - expected.at(i)));
    largest = std::max(largest, std::abs(expected.at(i)));
  }
  return difference / (largest > 0 ? largest : 1);
}

void replay(const Package& package, const std::string& folder, std::vector<Array>& inputs) {
  const std::vector<Array> got = package.run(inputs), expected = package.recorded(folder, "output", got.size());
  const double tolerance = std::strtod(package.manifest["test_vector"]["tolerance"].text.c_str(), nullptr);
  double error = 0;
  for (size_t i = 0; i < got.size(); ++i) error = std::max(error, error_of(got[i], expected[i]));
  char text[200];
  std::snprintf(text, sizeof text, "%.1e of the largest output", error);
  if (!(error <= tolerance))
    throw Problem{kWrongOutput, package.file + " is off by " + text + " on the test vector; try a newer onnxruntime"};
  std::printf("ok: %s repeats the test vector, largest error %s\n", package.file.c_str(), text);
}

// One line per example: the best classes of the only output, or plain numbers of each.
void print(const Package& package, const std::vector<Array>& results, size_t k) {
  const std::vector<Json>& labels = package.manifest["labels"].items;
  const bool classes = results.size() == 1 && !labels.empty() && results[0].shape.size() == 2 &&
                       results[0].shape[1] == static_cast<int64_t>(labels.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const Array& array = results[i];
    const size_t rows = array.shape.empty() ? 1 : array.shape[0], columns = rows ? array.count() / rows : 0;
    for (size_t row = 0; row < rows; ++row) {
      std::vector<size_t> shown(columns);
      std::iota(shown.begin(), shown.end(), row * columns);
      if (classes) {
        std::stable_sort(shown.begin(), shown.end(), [&](size_t a, size_t b) { return array.at(a) > array.at(b); });
        shown.resize(std::min(k, columns));
      }
      std::printf("%zu: %s", row, classes ? "" : (package.outputs[i].name + " ").c_str());
      for (size_t at = 0; at < shown.size(); ++at)
        std::printf("%s%s%.4g", at ? ", " : "", classes ? (labels[shown[at] % columns].text + " ").c_str() : "",
                    array.at(shown[at]));
      std::printf("\n");
    }
  }
}

double median_us(const Package& package, std::vector<Array>& inputs) {
  std::vector<double> times;
  for (int run = 0; run < kWarmUpRuns + kTimedRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    package.run(inputs);
    const std::chrono::duration<double, std::micro> taken = std::chrono::steady_clock::now() - start;
    if (run >= kWarmUpRuns) times.push_back(taken.count());
  }
  std::sort(times.begin(), times.end());
  return (times[kTimedRuns / 2 - 1] + times[kTimedRuns / 2]) / 2;
}

// ---- command line ----

struct Options {
  std::vector<std::string> places;  // the package, and perhaps an input
  std::string onnxruntime = "libonnxruntime.so.1";
  int threads = 1, k = 5;
  bool fallback = false, time = false;
};

int positive(const std::string& text) {
  const int number = std::atoi(text.c_str());
  if (number < 1) throw Problem{kUsage, text + " is no whole number above 0"};
  return number;
}

Options parsed(const std::vector<std::string>& words) {
  Options options;
  for (size_t i = 0; i < words.size(); ++i) {
    const auto value = [&] {
      if (i + 1 == words.size()) throw Problem{kUsage, words[i] + " needs a value"};
      return words[++i];
    };
    const std::string word = words[i];
    if (word == "--fallback") options.fallback = true;
    else if (word == "--time") options.time = true;
    else if (word == "--onnxruntime") options.onnxruntime = value();
    else if (word == "--threads") options.threads = positive(value());
    else if (word == "-k") options.k = positive(value());
    else if (word.rfind('-', 0) == 0) throw Problem{kUsage, word + " is no option"};
    else options.places.push_back(word);
  }
  if (options.places.empty() || options.places.size() > 2)
    throw Problem{kUsage, "usage: run PACKAGE [INPUT] [--fallback] [--onnxruntime FILE] [--threads N] [--time] [-k N]"};
  return options;
}

void act(const Options& options) {
  const std::string& folder = options.places[0];
  const Onnxruntime onnxruntime(options.onnxruntime);
  const Package package(folder, onnxruntime, options.threads, options.fallback);
  std::vector<Array> inputs;
  if (options.places.size() == 1) {
    inputs = package.recorded(folder, "input", package.inputs.size());
    replay(package, folder, inputs);
  } else {
    if (package.inputs.size() != 1) throw Problem{kBadInput, "models of several inputs are only checked here"};
    inputs.push_back(read_input(options.places[1], package.inputs[0]));
    print(package, package.run(inputs), options.k);
  }
  if (options.time)
    std::printf("median %.1f us over %d runs, threads: %d\n", median_us(package, inputs), kTimedRuns, options.threads);
}

}  // namespace

int main(int count, char** words) {
  // onnxruntime reads this once, when it is loaded.
  setenv("ORT_DISABLE_TELEMETRY", "1", 0);
  try {
    act(parsed({words + 1, words + count}));
  } catch (const Problem& problem) {
    std::fprintf(stderr, "run: %s\n", problem.message.c_str());
    return problem.code;
  }
  return kDone;
}
