#include "base/status.h"

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(Status, EveryCodeHasTheExitCodeOfTheTable) {
  EXPECT_EQ(ExitCode(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCode(absl::InvalidArgumentError("")), 64);
  EXPECT_EQ(ExitCode(absl::DataLossError("")), 65);
  EXPECT_EQ(ExitCode(absl::UnimplementedError("")), 65);
  EXPECT_EQ(ExitCode(absl::NotFoundError("")), 66);
  EXPECT_EQ(ExitCode(absl::InternalError("")), 70);
  EXPECT_EQ(ExitCode(absl::UnknownError("")), 70);
  EXPECT_EQ(ExitCode(absl::ResourceExhaustedError("")), 71);
  EXPECT_EQ(ExitCode(absl::AlreadyExistsError("")), 73);
  EXPECT_EQ(ExitCode(absl::PermissionDeniedError("")), 73);
  EXPECT_EQ(ExitCode(absl::UnavailableError("")), 74);
  EXPECT_EQ(ExitCode(absl::AbortedError("")), 75);
  EXPECT_EQ(ExitCode(absl::CancelledError("")), 75);
}

TEST(Status, BadDataNamesPlaceExpectedAndFound) {
  const absl::Status status = BadData("a.safetensors: tensor 'w'", "shape [2,3]", "[3,2]");
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(status.message(), "a.safetensors: tensor 'w': expected shape [2,3], found [3,2]");
}

TEST(Status, AnnotateKeepsTheCodeAndLeavesOkAlone) {
  EXPECT_TRUE(Annotate(absl::OkStatus(), "x").ok());
  EXPECT_EQ(Annotate(absl::NotFoundError("gone"), "x"), absl::NotFoundError("x: gone"));
}

absl::StatusOr<int> Half(int n) {
  if (n % 2) return absl::InvalidArgumentError("odd");
  return n / 2;
}

absl::StatusOr<int> Quarter(int n) {
  NIBBLE_ASSIGN_OR_RETURN(const int half, Half(n));
  NIBBLE_ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

TEST(Status, MacrosPropagate) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Quarter(6).status(), absl::InvalidArgumentError("odd"));
}

}  // namespace
}  // namespace nibble
