// That what nccl.h of ours says is what NCCL's own says, where the toolkit has it.
#include <cstddef>
#include <type_traits>

#include "device/cuda/nccl.h"
#include "gtest/gtest.h"

#if __has_include(<nccl.h>)
#include <nccl.h>

namespace nibble::cuda {
namespace {

static_assert(sizeof(NcclUniqueId) == sizeof(ncclUniqueId) && alignof(NcclUniqueId) == alignof(ncclUniqueId));
static_assert(int{kNcclSuccess} == int{ncclSuccess} && int{kNcclInProgress} == int{ncclInProgress});
static_assert(sizeof(NcclResult) == sizeof(ncclResult_t) && kNcclFloat32 == int{ncclFloat32});
static_assert(kNcclFirstVersion == NCCL_VERSION(2, 14, 0));
static_assert(offsetof(NcclConfig, size) == offsetof(ncclConfig_t, size));
static_assert(offsetof(NcclConfig, magic) == offsetof(ncclConfig_t, magic));
static_assert(offsetof(NcclConfig, version) == offsetof(ncclConfig_t, version));
static_assert(offsetof(NcclConfig, blocking) == offsetof(ncclConfig_t, blocking));

// Parameters of NCCL's own kinds, as ours.
template <typename T>
struct OursOf {
  using type = T;
};
template <>
struct OursOf<ncclUniqueId> {
  using type = NcclUniqueId;
};
template <>
struct OursOf<ncclUniqueId*> {
  using type = NcclUniqueId*;
};
template <>
struct OursOf<ncclComm_t> {
  using type = NcclComm*;
};
template <>
struct OursOf<ncclComm_t*> {
  using type = NcclComm**;
};
template <>
struct OursOf<ncclConfig_t*> {
  using type = NcclConfig*;
};
template <>
struct OursOf<ncclResult_t> {
  using type = NcclResult;
};
template <>
struct OursOf<ncclResult_t*> {
  using type = NcclResult*;
};
template <>
struct OursOf<ncclDataType_t> {
  using type = int;
};
template <>
struct OursOf<cudaStream_t> {
  using type = void*;
};
template <typename Result, typename... Arguments>
struct OursOf<Result (*)(Arguments...)> {
  using type = typename OursOf<Result>::type (*)(typename OursOf<Arguments>::type...);
};

#define NIBBLE_IS_AS_NCCLS(ours, nccls) \
  static_assert(std::is_same_v<decltype(Nccl::ours), OursOf<decltype(&nccls)>::type>)
NIBBLE_IS_AS_NCCLS(get_version, ncclGetVersion);
NIBBLE_IS_AS_NCCLS(get_unique_id, ncclGetUniqueId);
NIBBLE_IS_AS_NCCLS(comm_init_rank_config, ncclCommInitRankConfig);
NIBBLE_IS_AS_NCCLS(comm_get_async_error, ncclCommGetAsyncError);
NIBBLE_IS_AS_NCCLS(comm_abort, ncclCommAbort);
NIBBLE_IS_AS_NCCLS(group_start, ncclGroupStart);
NIBBLE_IS_AS_NCCLS(group_end, ncclGroupEnd);
NIBBLE_IS_AS_NCCLS(send, ncclSend);
NIBBLE_IS_AS_NCCLS(recv, ncclRecv);
NIBBLE_IS_AS_NCCLS(get_error_string, ncclGetErrorString);

TEST(NcclHeader, ConfigBeginsAsNcclsDoes) {
  const ncclConfig_t theirs = NCCL_CONFIG_INITIALIZER;
  EXPECT_EQ(NcclConfig().magic, theirs.magic);
  EXPECT_LE(NcclConfig().version, theirs.version);
  EXPECT_LE(NcclConfig().size, theirs.size);
}

}  // namespace
}  // namespace nibble::cuda
#else
TEST(NcclHeader, ConfigBeginsAsNcclsDoes) { GTEST_SKIP() << "no nccl.h in the toolkit"; }
#endif
