#include "device/cuda/nccl_linker.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status.h"

namespace nibble::cuda {
namespace {

// Between two looks at what goes on meanwhile.
constexpr auto kPause = std::chrono::microseconds(50);

bool IsError(NcclResult result) { return result != kNcclSuccess && result != kNcclInProgress; }

absl::Status Error(const Nccl& nccl, NcclResult result, absl::StatusCode code, absl::string_view what) {
  return absl::Status(code, absl::StrCat("NCCL: expected ", what, ", found '", nccl.get_error_string(result), "'"));
}

std::string VersionOf(int code) { return absl::StrCat("NCCL ", code / 10000, ".", code / 100 % 100, ".", code % 100); }

class NcclLink : public DeviceLink {
 public:
  NcclLink(const Nccl& nccl, const GpuQueue& queue, const LinkMember& member)
      : nccl_(nccl), queue_(queue), count_(member.count), place_(member.place) {}

  // Also where something is not done that others will not do any more.
  ~NcclLink() override {
    queue_.make_current();
    if (comm_ != nullptr) nccl_.comm_abort(comm_);
  }

  absl::Status Start(const NcclUniqueId& id, GivenUp given_up) {
    constexpr auto kCode = absl::StatusCode::kUnavailable;
    constexpr char kStarted[] = "it to start";
    queue_.make_current();
    NcclConfig config;
    const NcclResult result = nccl_.comm_init_rank_config(&comm_, count_, id, place_, &config);
    if (IsError(result)) return Error(nccl_, result, kCode, kStarted);
    return Settle(kCode, kStarted, given_up);
  }

  int count() const override { return count_; }
  int place() const override { return place_; }

  absl::Status Exchange(absl::Span<const LinkPiece> out, absl::Span<const LinkPiece> in, GivenUp given_up) override {
    NIBBLE_RETURN_IF_ERROR(failure_);
    failure_ = Run(out, in, given_up);
    return failure_;
  }

 private:
  static constexpr auto kLost = absl::StatusCode::kAborted;
  static constexpr char kExchange[] = "an exchange between GPUs (run again)";

  absl::Status Run(absl::Span<const LinkPiece> out, absl::Span<const LinkPiece> in, GivenUp given_up) {
    queue_.make_current();
    NcclResult first_error = nccl_.group_start();
    const auto note = [&](NcclResult result) {
      if (!IsError(first_error)) first_error = result;
    };
    for (const LinkPiece& piece : out) {
      if (piece.size > 0) note(nccl_.send(piece.data, piece.size, kNcclFloat32, piece.peer, comm_, queue_.stream));
    }
    for (const LinkPiece& piece : in) {
      if (piece.size > 0) note(nccl_.recv(piece.data, piece.size, kNcclFloat32, piece.peer, comm_, queue_.stream));
    }
    note(nccl_.group_end());
    if (IsError(first_error)) return Error(nccl_, first_error, kLost, kExchange);
    NIBBLE_RETURN_IF_ERROR(Settle(kLost, kExchange, given_up));  // queued
    for (;;) {
      NIBBLE_ASSIGN_OR_RETURN(const bool is_done, queue_.is_done());
      if (is_done) return absl::OkStatus();
      NIBBLE_RETURN_IF_ERROR(Pause(kLost, kExchange, given_up).status());
    }
  }

  // Until what was asked for is under way.
  absl::Status Settle(absl::StatusCode code, absl::string_view what, GivenUp given_up) {
    for (;;) {
      NIBBLE_ASSIGN_OR_RETURN(const bool is_settled, Pause(code, what, given_up));
      if (is_settled) return absl::OkStatus();
    }
  }

  // Whether all calls are through; else takes a moment.
  absl::StatusOr<bool> Pause(absl::StatusCode code, absl::string_view what, GivenUp given_up) {
    NcclResult state = kNcclSuccess;
    const NcclResult result = nccl_.comm_get_async_error(comm_, &state);
    if (IsError(result)) state = result;
    if (IsError(state)) return Error(nccl_, state, code, what);
    if (given_up()) return absl::CancelledError(absl::StrCat("NCCL: expected ", what, ", given up"));
    std::this_thread::sleep_for(state == kNcclSuccess ? kPause / 5 : kPause);
    return state == kNcclSuccess;
  }

  const Nccl& nccl_;
  const GpuQueue& queue_;
  const int count_, place_;
  NcclComm* comm_ = nullptr;
  absl::Status failure_;
};

}  // namespace

std::string ThisMachine() {
  std::array<char, 256> name = {};
  gethostname(name.data(), name.size() - 1);
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  return absl::StrCat(name.data(), " ", boot);
}

NcclLinker::NcclLinker(GpuQueue queue, std::string file, std::string machine)
    : queue_(std::move(queue)), file_(std::move(file)), machine_(std::move(machine)) {}

absl::StatusOr<LinkPlace> NcclLinker::Place() {
  if (!queue_.is_open.ok()) return absl::UnavailableError(queue_.is_open.message());
  if (!nccl_) nccl_.emplace(file_);
  int version = 0;
  if (nccl_->get_version != nullptr) nccl_->get_version(&version);
  if (!nccl_->library.complete() || version < kNcclFirstVersion) {
    return absl::UnavailableError(absl::StrCat("NCCL: expected ", file_, " of 2.14 or later, found ",
                                               version == 0 ? "none" : VersionOf(version)));
  }
  const std::string library = VersionOf(version);
  return LinkPlace{.library = library, .reach = absl::StrCat(library, " on ", machine_), .device = queue_.gpu};
}

absl::StatusOr<std::string> NcclLinker::NewKey() {
  NcclUniqueId id = {};
  queue_.make_current();
  if (const NcclResult result = nccl_->get_unique_id(&id); result != kNcclSuccess) {
    return Error(*nccl_, result, absl::StatusCode::kUnavailable, "a key for a group of GPUs");
  }
  return std::string(id.internal, sizeof(id.internal));
}

absl::StatusOr<std::unique_ptr<DeviceLink>> NcclLinker::Join(const LinkMember& member, GivenUp given_up) {
  NcclUniqueId id = {};
  if (member.key.size() != sizeof(id.internal)) return absl::InternalError("a bug of nibble: no key of NCCL's");
  std::memcpy(id.internal, member.key.data(), sizeof(id.internal));
  auto link = std::make_unique<NcclLink>(*nccl_, queue_, member);
  NIBBLE_RETURN_IF_ERROR(link->Start(id, given_up));
  return link;
}

}  // namespace nibble::cuda
