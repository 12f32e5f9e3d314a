#include "choose_tokens.h"

#include "tiling_cost.h"

namespace lth {
namespace {

double cost_of(const Layer& layer, int32_t tokens, const Machine& machine, Tiling& tiling) {
  const Extent in = {layer.channels, 1, tokens}, out = {layer.weights.rows, 1, tokens};
  double cost = 0.0;
  choose_block({layer, layer.window, in, out, machine, false}, tiling, cost);
  return cost;
}

}  // namespace

int32_t choose_token_vectors(const Chain& chain, int32_t tokens, const Machine& machine) {
  int32_t best = 1;
  double least = 1e300;
  for (int32_t vectors = 1; vectors <= machine.most_vectors; ++vectors) {
    double cost = 0.0;
    for (int32_t i = 0; i < chain.layer_count; ++i) {
      Tiling tiling = {Method::columns, machine.lanes, vectors, 0, 0, 1};
      cost += cost_of(chain.layers[i], tokens, machine, tiling);
    }
    if (cost < least) {
      least = cost;
      best = vectors;
    }
    if (vectors * machine.lanes >= tokens) break;
  }
  return best;
}

double token_tile_cost(int32_t vectors, int32_t tokens, int32_t lanes) {
  const int32_t tile = vectors * lanes;
  return static_cast<double>(quotient_up(tokens, tile)) * (1.0 + 0.52 * vectors);
}

Tiling choose_token_tiling(const Layer& layer, int32_t tokens, int32_t vectors, const Machine& machine) {
  Tiling tiling = {Method::columns, machine.lanes, vectors, 0, 0, 1};
  cost_of(layer, tokens, machine, tiling);
  return tiling;
}

}  // namespace lth
