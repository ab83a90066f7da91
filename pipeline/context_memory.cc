#include "pipeline/context_memory.h"

#include <algorithm>

namespace nibble {
namespace {

constexpr uint64_t kBatch = 512;      // tokens at a time
constexpr uint64_t kCacheUnit = 256;  // positions: a cache has a whole number of these
constexpr uint64_t kHalf = 2, kFloat = 4;

uint64_t WholeUnits(uint64_t positions) { return (positions + kCacheUnit - 1) / kCacheUnit * kCacheUnit; }

// A window slides over a batch; what is behind it is forgotten.
uint64_t Positions(const Attention& attention, uint64_t context) {
  const uint64_t seen = attention.window() > 0 ? attention.window() : attention.chunk();
  return WholeUnits(seen == 0 ? context : std::min(context, seen + kBatch));
}

uint64_t CachedPerPosition(const Attention& attention) {
  if (attention.has_latent()) return uint64_t{attention.latent().key_value_rank()} + attention.rope().dimensions();
  return uint64_t{attention.kv_heads()} * (attention.key_length() + attention.value_length());
}

// Floats per token that are there at once: what comes in, and queries, keys and values, or gate, up and their product.
uint64_t WidestOf(const Layer& layer, uint64_t hidden) {
  const Attention& attention = layer.attention();
  const FeedForward& feed_forward = layer.feed_forward();
  const uint64_t attended = uint64_t{attention.heads()} * (attention.key_length() + attention.value_length()) +
                            uint64_t{attention.kv_heads()} * (attention.key_length() + attention.value_length());
  const Experts& experts = feed_forward.experts();
  const uint64_t length = feed_forward.has_experts()
                              ? uint64_t{experts.used()} * experts.length() + experts.shared_length()
                              : feed_forward.length();
  return hidden + std::max(attended, 3 * length);
}

}  // namespace

ContextMemory MemoryAtContext(const ModelSpec& spec, uint64_t context) {
  ContextMemory memory;
  if (context == 0) return memory;
  uint64_t widest = spec.vocab_size();
  for (const Layer& layer : spec.layers()) {
    const Attention& attention = layer.attention();
    memory.cache += Positions(attention, context) * CachedPerPosition(attention) * kHalf;
    widest = std::max(widest, WidestOf(layer, spec.hidden_size()));
  }
  const uint64_t batch = std::min(kBatch, context);
  memory.buffers = batch * (widest * kFloat + WholeUnits(context) * kHalf);
  return memory;
}

}  // namespace nibble
