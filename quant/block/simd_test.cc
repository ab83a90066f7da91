// The plain form of every codec is the oracle of its vector forms: the same bytes on every instruction set that this
// machine has.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "hwy/highway.h"
#include "quant/block/affine_search.h"
#include "quant/block/block_run.h"
#include "quant/block/e2m1_search.h"
#include "quant/block/format.h"
#include "quant/block/grid.h"
#include "quant/block/int4_group.h"
#include "quant/block/int4_search.h"
#include "quant/block/iq4.h"
#include "quant/block/iq4_nl.h"
#include "quant/block/iq4_xs.h"
#include "quant/block/k_affine_search.h"
#include "quant/block/mxfp4.h"
#include "quant/block/nvfp4.h"
#include "quant/block/q4_0.h"
#include "quant/block/q4_1.h"
#include "quant/block/q4_k.h"
#include "quant/block/q5_0.h"
#include "quant/block/q5_1.h"
#include "quant/block/q5_k.h"
#include "quant/block/q6_k.h"
#include "quant/block/q8_0.h"
#include "quant/block/scale_search.h"
#include "quant/block/super_scale.h"

namespace nibble {
namespace {

using Bytes = std::vector<std::byte>;
using Numbers = std::vector<float>;

struct Oracle {
  Format format;
  void (*decode)(const std::byte* in, size_t blocks, float* out);
  void (*encode_rtn)(const float* values, size_t blocks, std::byte* out);
  void (*encode_weighted)(const float* values, const float* weights, size_t blocks, std::byte* out);
};

template <auto kDecode, auto kPlain, typename Search>
constexpr Oracle Plain(Format format) {
  return {format, DecodeRun<typename Search::Block, kDecode>, EncodeRun<typename Search::Block, kPlain>,
          EncodeBestRun<Search, kDecode, kPlain>};
}

#define ORACLE(format, ns, ...) Plain<ns::DecodeBlock, ns::PlainBlock, __VA_ARGS__>(Format::format)
const Oracle kOracles[] = {
    ORACLE(kQ8_0, q8_0, HalfScaleSearch<q8_0::Block, IntegerGrid<-127, 127>, q8_0::RoundBlock>),
    ORACLE(kQ4_0, q4_0, HalfScaleSearch<q4_0::Block, IntegerGrid<-8, 7>, q4_0::RoundBlock>),
    ORACLE(kQ4_1, q4_1, HalfAffineSearch<q4_1::Block, 15, q4_1::RoundBlock>),
    ORACLE(kQ5_0, q5_0, HalfScaleSearch<q5_0::Block, IntegerGrid<-16, 15>, q5_0::RoundBlock>),
    ORACLE(kQ5_1, q5_1, HalfAffineSearch<q5_1::Block, 31, q5_1::RoundBlock>),
    ORACLE(kQ4_K, q4_k, KAffineSearch<q4_k::Block, 15, q4_k::PackBlock>),
    ORACLE(kQ5_K, q5_k, KAffineSearch<q5_k::Block, 31, q5_k::PackBlock>),
    ORACLE(kQ6_K, q6_k, ScaledGroupsSearch<q6_k::Block, IntegerGrid<-32, 31>, -128, 127, q6_k::RoundBlock>),
    ORACLE(kIQ4_NL, iq4_nl, HalfScaleSearch<iq4_nl::Block, Iq4Grid, iq4_nl::RoundBlock>),
    ORACLE(kIQ4_XS, iq4_xs, ScaledGroupsSearch<iq4_xs::Block, Iq4Grid, -32, 31, iq4_xs::RoundBlock>),
    ORACLE(kMXFP4, mxfp4, E8M0Search<mxfp4::Block, mxfp4::RoundBlock>),
    ORACLE(kNVFP4, nvfp4, UE4M3Search<nvfp4::Block, nvfp4::RoundBlock>),
    Plain<int4_group::DecodeBlock<32>, int4_group::PlainBlock<32>, Int4Search<32>>(Format::kINT4_G32),
    Plain<int4_group::DecodeBlock<128>, int4_group::PlainBlock<128>, Int4Search<128>>(Format::kINT4_G128),
};
#undef ORACLE

// Values of every magnitude: each run of 256 has its own, with heavy tails, runs of zeros and an offset now and then.
Numbers Values(size_t n) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  Numbers values(n);
  for (size_t i = 0; i < n; ++i) {
    const int run = static_cast<int>(i / 256);
    const float value = normal(random) + (run % 5 == 4 ? 3.0f : 0.0f);
    values[i] =
        run % 7 == 6 && i % 64 < 40 ? 0.0f : std::ldexp(run % 3 == 2 ? value * value * value : value, run * 3 - 150);
    if (!std::isfinite(values[i])) values[i] = std::numeric_limits<float>::max();
  }
  return values;
}

Numbers Weights(size_t n) {
  std::mt19937 random(8);
  std::normal_distribution<float> normal;
  Numbers weights(n);
  for (size_t i = 0; i < n; ++i) weights[i] = i % 11 == 0 ? 0.0f : std::exp(1.5f * normal(random));
  return weights;
}

class SimdTest : public testing::TestWithParam<Oracle> {
 protected:
  // A number of blocks that no number of lanes divides.
  static constexpr size_t kBlocks = 91;
  const BlockFormat& format() const { return GetFormat(GetParam().format); }

  // check() for each instruction set of this machine.
  template <typename Check>
  void OnEveryTarget(Check check) {
    for (int64_t targets = hwy::SupportedTargets() & HWY_TARGETS; targets != 0; targets &= targets - 1) {
      const int64_t target = targets & -targets;
      SCOPED_TRACE(hwy::TargetName(target));
      hwy::SetSupportedTargetsForTest(target);
      hwy::GetChosenTarget().Update(hwy::SupportedTargets());
      check();
      hwy::SetSupportedTargetsForTest(0);
      hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Formats, SimdTest, testing::ValuesIn(kOracles),
                         [](const auto& info) { return std::string(GetFormat(info.param.format).name); });

TEST_P(SimdTest, EncodesAsThePlainForm) {
  const Numbers values = Values(kBlocks * format().block_elements), weights = Weights(values.size());
  Bytes rtn(format().BytesFor(values.size())), weighted(rtn.size()), unweighted(rtn.size()), found(rtn.size());
  GetParam().encode_rtn(values.data(), kBlocks, rtn.data());
  GetParam().encode_weighted(values.data(), weights.data(), kBlocks, weighted.data());
  GetParam().encode_weighted(values.data(), nullptr, kBlocks, unweighted.data());
  OnEveryTarget([&] {
    format().encode_rtn(values.data(), kBlocks, found.data());
    EXPECT_TRUE(found == rtn);
    format().encode_weighted(values.data(), weights.data(), kBlocks, found.data());
    EXPECT_TRUE(found == weighted);
    format().encode_weighted(values.data(), nullptr, kBlocks, found.data());
    EXPECT_TRUE(found == unweighted);
  });
}

TEST_P(SimdTest, DecodesAsThePlainForm) {
  std::mt19937 random(9);
  Bytes bytes(kBlocks * format().block_bytes);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  Numbers expected(kBlocks * format().block_elements), found(expected.size());
  GetParam().decode(bytes.data(), kBlocks, expected.data());
  OnEveryTarget([&] {
    format().decode(bytes.data(), kBlocks, found.data());
    for (size_t i = 0; i < found.size(); ++i) {  // which of two NaNs a sum becomes is the compiler's choice
      if (std::isnan(expected[i]) && std::isnan(found[i])) continue;
      ASSERT_EQ(std::memcmp(&found[i], &expected[i], sizeof(float)), 0) << "value " << i;
    }
  });
}

}  // namespace
}  // namespace nibble
