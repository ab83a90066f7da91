#include "pipeline/context_memory.h"

#include "gtest/gtest.h"

namespace nibble {
namespace {

ModelSpec Llama8B() {
  ModelSpec spec;
  spec.set_hidden_size(4096);
  spec.set_vocab_size(128256);
  for (int i = 0; i < 32; ++i) {
    Layer& layer = *spec.add_layers();
    layer.mutable_attention()->set_heads(32);
    layer.mutable_attention()->set_kv_heads(8);
    layer.mutable_attention()->set_key_length(128);
    layer.mutable_attention()->set_value_length(128);
    layer.mutable_feed_forward()->set_length(14336);
  }
  return spec;
}

TEST(ContextMemory, OfLlama3) {
  // 32 layers of 8 heads' keys and values of 128: 128 KiB a position. Logits are wider than 4096 + 3 * 14336.
  const ContextMemory memory = MemoryAtContext(Llama8B(), 8192);
  EXPECT_EQ(memory.cache, 1024u << 20);
  EXPECT_EQ(memory.buffers, 512u * 128256 * 4 + 512u * 8192 * 2);
  EXPECT_EQ(MemoryAtContext(Llama8B(), 0).cache, 0u);
  EXPECT_EQ(MemoryAtContext(Llama8B(), 0).buffers, 0u);
}

TEST(ContextMemory, PositionsAreCountedInUnits) {
  const ContextMemory memory = MemoryAtContext(Llama8B(), 257);
  EXPECT_EQ(memory.cache, 512u * 128 * 1024);
  EXPECT_EQ(memory.buffers, 257u * 128256 * 4 + 257u * 512 * 2);
}

TEST(ContextMemory, AWindowHoldsItselfAndABatch) {
  ModelSpec spec = Llama8B();
  for (int i = 0; i < 16; ++i) spec.mutable_layers(i)->mutable_attention()->set_window(1024);
  for (int i = 16; i < 24; ++i) spec.mutable_layers(i)->mutable_attention()->set_chunk(2048);
  const uint64_t position = 2 * 8 * 256;  // of one layer
  EXPECT_EQ(MemoryAtContext(spec, 8192).cache, position * (16 * 1536 + 8 * 2560 + 8 * 8192));
  EXPECT_EQ(MemoryAtContext(spec, 1024).cache, position * 32 * 1024);
}

TEST(ContextMemory, LatentsAreNarrow) {
  ModelSpec spec = Llama8B();
  for (Layer& layer : *spec.mutable_layers()) {
    layer.mutable_attention()->mutable_latent()->set_key_value_rank(512);
    layer.mutable_attention()->mutable_rope()->set_dimensions(64);
  }
  EXPECT_EQ(MemoryAtContext(spec, 4096).cache, 32u * 4096 * 576 * 2);
}

TEST(ContextMemory, ActivationsOfManyExpertsAreWiderThanLogits) {
  ModelSpec spec = Llama8B();
  Experts& experts = *spec.mutable_layers(3)->mutable_feed_forward()->mutable_experts();
  experts.set_used(8);
  experts.set_length(8192);
  experts.set_shared_length(1024);
  EXPECT_EQ(MemoryAtContext(spec, 512).buffers, 512u * (4 * (4096 + 3 * (8 * 8192 + 1024)) + 2 * 512));
}

}  // namespace
}  // namespace nibble
