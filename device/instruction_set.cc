#include "device/instruction_set.h"

#include <dnnl.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace nibble {
namespace {

// Of the CPU that oneDNN's products choose their kernels for.
constexpr std::pair<int, const char*> kInstructionSets[] = {
    {dnnl_cpu_isa_sse41, "sse41"},
    {dnnl_cpu_isa_avx, "avx"},
    {dnnl_cpu_isa_avx2, "avx2"},
    {dnnl_cpu_isa_avx2_vnni, "avx2_vnni"},
    {dnnl_cpu_isa_avx512_core, "avx512_core"},
    {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"},
    {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
    {dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"},
};

std::string CpuInstructionSet() {
  const int found = dnnl_get_effective_cpu_isa();
  for (const auto& [id, name] : kInstructionSets) {
    if (id == found) return name;
  }
  return absl::StrCat("cpu ", found);
}

}  // namespace

absl::StatusOr<std::string> InstructionSetOf(const DeviceChoice& choice) {
  NIBBLE_ASSIGN_OR_RETURN(const std::unique_ptr<Device> device, MakeDevice({.device = choice, .threads = 1}));
  if (device->name() != "cpu") return std::string(device->name());
  const dnnl_version_t& version = *dnnl_version();
  return absl::StrCat(CpuInstructionSet(), ", oneDNN ", version.major, ".", version.minor, ".", version.patch);
}

}  // namespace nibble
