#include "formats/safetensors/safetensors.h"

#include <cassert>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "formats/dtype.h"
#include "formats/io/atomic_file.h"
#include "formats/json/quote.h"
#include "formats/safetensors/shards.h"

namespace nibble::safetensors {
namespace {

uint64_t BytesOf(const TensorInfo& tensor) {
  const DTypeInfo& dtype = GetDType(tensor.dtype);
  assert(dtype.in_safetensors);
  uint64_t bits = dtype.block_bits;
  for (const int64_t size : tensor.shape) bits *= static_cast<uint64_t>(size);
  assert(bits % 8 == 0);
  return bits / 8;
}

std::string LittleEndian(uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

}  // namespace

absl::StatusOr<Checkpoint> OpenFile(io::FileSystem& files, const std::string& path) {
  return OpenShards(files, {path});
}

Layout MakeLayout(const std::vector<TensorInfo>& tensors, const Metadata& metadata) {
  std::vector<std::string> members;
  if (!metadata.empty()) {
    const std::string entries = absl::StrJoin(metadata, ",", [](std::string* out, const auto& entry) {
      absl::StrAppend(out, json::Quote(entry.first), ":", json::Quote(entry.second));
    });
    members.push_back(absl::StrCat("\"__metadata__\":{", entries, "}"));
  }
  Layout layout;
  uint64_t end = 0;
  for (const TensorInfo& tensor : tensors) {
    const uint64_t begin = end;
    end += BytesOf(tensor);
    layout.offsets.push_back(begin);
    members.push_back(absl::StrCat(json::Quote(tensor.name), ":{\"dtype\":\"", GetDType(tensor.dtype).name,
                                   "\",\"shape\":[", absl::StrJoin(tensor.shape, ","), "],\"data_offsets\":[", begin,
                                   ",", end, "]}"));
  }
  std::string text = absl::StrCat("{", absl::StrJoin(members, ","), "}");
  text.resize((text.size() + 7) / 8 * 8, ' ');
  layout.header = LittleEndian(text.size()) + text;
  for (uint64_t& offset : layout.offsets) offset += layout.header.size();
  layout.file_bytes = layout.header.size() + end;
  return layout;
}

absl::Status WriteFile(io::FileSystem& files, const std::string& path, const std::vector<TensorInfo>& tensors,
                       const std::vector<absl::Span<const std::byte>>& data, const Metadata& metadata, bool force) {
  assert(data.size() == tensors.size());
  const Layout layout = MakeLayout(tensors, metadata);
  NIBBLE_ASSIGN_OR_RETURN(const auto output, io::AtomicFile::Create(files, path, layout.file_bytes, {.force = force}));
  NIBBLE_RETURN_IF_ERROR(output->file().WriteAt(
      0, absl::MakeConstSpan(reinterpret_cast<const std::byte*>(layout.header.data()), layout.header.size())));
  for (size_t i = 0; i < data.size(); ++i) {
    assert(data[i].size() == BytesOf(tensors[i]));
    NIBBLE_RETURN_IF_ERROR(output->file().WriteAt(layout.offsets[i], data[i]));
  }
  return output->Commit();
}

}  // namespace nibble::safetensors
