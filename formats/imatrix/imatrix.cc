#include "formats/imatrix/imatrix.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <utility>
#include <variant>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "formats/dtype.h"
#include "formats/gguf/byte_reader.h"
#include "formats/gguf/gguf.h"
#include "formats/tensor_source.h"

namespace nibble::imatrix {
namespace {

constexpr absl::string_view kSums = ".in_sum2", kCounts = ".counts";
constexpr absl::string_view kTypeKey = "general.type", kType = "imatrix";
constexpr absl::string_view kDatasetsKey = "imatrix.datasets";
constexpr absl::string_view kChunkCountKey = "imatrix.chunk_count", kChunkSizeKey = "imatrix.chunk_size";
constexpr uint64_t kMaxUint32 = 0xffffffff;
constexpr int32_t kMaxName = 1 << 12;

absl::Status CheckEntry(const std::string& place, const Entry& entry) {
  for (const std::vector<float>* values : {&entry.sums, &entry.counts}) {
    for (const float value : *values) {
      if (!(std::isfinite(value) && value >= 0)) return BadData(place, "finite numbers from 0 on", absl::StrCat(value));
    }
  }
  if (!entry.counts.empty() && !entry.sums.empty() && entry.sums.size() % entry.counts.size() == 0) {
    return absl::OkStatus();
  }
  return BadData(place, "as many sums for each count",
                 absl::StrCat(entry.sums.size(), " sums, ", entry.counts.size(), " counts"));
}

absl::StatusOr<std::vector<float>> ReadFloats(const TensorSource& source, const StoredTensor& tensor) {
  if (tensor.dtype != DType::kF32) {
    return BadData(source.Place(tensor), "type F32", GetDType(tensor.dtype).name);
  }
  std::vector<float> values(tensor.elements());
  NIBBLE_RETURN_IF_ERROR(
      source.Read(tensor, 0, absl::MakeSpan(reinterpret_cast<std::byte*>(values.data()), tensor.bytes)));
  return values;
}

absl::StatusOr<uint32_t> OptionalUint(const gguf::Metadata& metadata, absl::string_view key) {
  if (metadata.Find(key) == nullptr) return 0;
  NIBBLE_ASSIGN_OR_RETURN(const uint64_t value, metadata.Uint(key, 0, kMaxUint32));
  return static_cast<uint32_t>(value);
}

std::vector<std::string> Datasets(const gguf::Metadata& metadata) {
  const gguf::Value* value = metadata.Find(kDatasetsKey);
  const auto* array = value == nullptr ? nullptr : std::get_if<gguf::Array>(value);
  const auto* names = array == nullptr ? nullptr : std::get_if<std::vector<std::string>>(array);
  return names == nullptr ? std::vector<std::string>() : *names;
}

absl::StatusOr<File> ReadGguf(io::FileSystem& files, const std::string& path) {
  NIBBLE_ASSIGN_OR_RETURN(const gguf::File stored, gguf::Open(files, path));
  NIBBLE_ASSIGN_OR_RETURN(const std::string type, stored.metadata.String(kTypeKey));
  if (type != kType) return BadData(stored.metadata.Place(kTypeKey), absl::StrCat("\"", kType, "\""), type);
  File file;
  file.datasets = Datasets(stored.metadata);
  NIBBLE_ASSIGN_OR_RETURN(file.chunk_count, OptionalUint(stored.metadata, kChunkCountKey));
  NIBBLE_ASSIGN_OR_RETURN(file.chunk_size, OptionalUint(stored.metadata, kChunkSizeKey));
  for (const StoredTensor& tensor : stored.tensors.tensors()) {
    if (absl::EndsWith(tensor.name, kCounts)) {
      const std::string sums = absl::StrCat(absl::StripSuffix(tensor.name, kCounts), kSums);
      if (stored.tensors.Find(sums) != nullptr) continue;
      return BadData(stored.tensors.Place(tensor), absl::StrCat("a tensor '", sums, "' beside it"), "none");
    }
    if (!absl::EndsWith(tensor.name, kSums)) {
      return BadData(stored.tensors.Place(tensor), absl::StrCat("a name that ends in ", kSums, " or ", kCounts),
                     "another");
    }
    Entry entry{.name = std::string(absl::StripSuffix(tensor.name, kSums)), .sums = {}, .counts = {}};
    const std::string counts_name = absl::StrCat(entry.name, kCounts);
    const StoredTensor* counts = stored.tensors.Find(counts_name);
    if (counts == nullptr) {
      return BadData(stored.tensors.Place(tensor), absl::StrCat("a tensor '", counts_name, "' beside it"), "none");
    }
    NIBBLE_ASSIGN_OR_RETURN(entry.sums, ReadFloats(stored.tensors, tensor));
    NIBBLE_ASSIGN_OR_RETURN(entry.counts, ReadFloats(stored.tensors, *counts));
    NIBBLE_RETURN_IF_ERROR(CheckEntry(stored.tensors.Place(tensor), entry));
    file.entries.push_back(std::move(entry));
  }
  return file;
}

// llama.cpp's older form, numbers little-endian: i32 entries; of each i32 length of the name, the name, i32 calls, i32
// values, the values as f32, each a mean square times the calls; then i32 the last call, i32 length of the dataset's
// name, that name. The oldest files end behind the entries.
class BinaryReader {
 public:
  explicit BinaryReader(const io::ReadableFile& file) : reader_(file) {}

  absl::StatusOr<File> Read() {
    int32_t entries = 0;
    NIBBLE_RETURN_IF_ERROR(ReadCount("number of entries", reader_.remaining() / kSmallestEntry, entries));
    File file;
    absl::flat_hash_set<std::string> names;
    for (int32_t i = 0; i < entries; ++i) {
      reader_.set_item(absl::StrCat("entry ", i));
      NIBBLE_ASSIGN_OR_RETURN(Entry entry, ReadEntry());
      if (!names.insert(entry.name).second)
        return reader_.Error("names that differ", absl::StrCat("'", entry.name, "' twice"));
      file.entries.push_back(std::move(entry));
    }
    if (reader_.remaining() > 0) NIBBLE_RETURN_IF_ERROR(ReadEnd(file));
    return file;
  }

 private:
  static constexpr uint64_t kSmallestEntry = 17;  // bytes: a name of one, one value

  absl::Status ReadCount(absl::string_view what, uint64_t max, int32_t& count) {
    NIBBLE_RETURN_IF_ERROR(reader_.ReadNumber(count));
    if (count >= 1 && static_cast<uint64_t>(count) <= max) return absl::OkStatus();
    return reader_.Error(absl::StrCat("a ", what, " in [1, ", max, "]"), absl::StrCat(count));
  }

  absl::StatusOr<std::string> ReadText(absl::string_view what) {
    int32_t length = 0;
    NIBBLE_RETURN_IF_ERROR(ReadCount(what, std::min<uint64_t>(reader_.remaining(), kMaxName), length));
    std::string text(length, '\0');
    NIBBLE_RETURN_IF_ERROR(reader_.Read(text.data(), text.size()));
    return text;
  }

  absl::StatusOr<Entry> ReadEntry() {
    Entry entry;
    NIBBLE_ASSIGN_OR_RETURN(entry.name, ReadText("length of a name"));
    int32_t calls = 0, values = 0;
    NIBBLE_RETURN_IF_ERROR(reader_.ReadNumber(calls));
    if (calls < 0) return reader_.Error("a number of calls from 0 on", absl::StrCat(calls));
    NIBBLE_RETURN_IF_ERROR(ReadCount("number of values", reader_.remaining() / sizeof(float), values));
    entry.sums.resize(values);
    NIBBLE_RETURN_IF_ERROR(reader_.Read(entry.sums.data(), values * sizeof(float)));
    // Before calls were counted, values were the means themselves.
    entry.counts = {calls > 0 ? static_cast<float>(calls) : 1.0f};
    NIBBLE_RETURN_IF_ERROR(CheckEntry(absl::StrCat(reader_.Place(), " '", entry.name, "'"), entry));
    return entry;
  }

  absl::Status ReadEnd(File& file) {
    reader_.set_item("dataset");
    int32_t last_call = 0;
    NIBBLE_RETURN_IF_ERROR(reader_.ReadNumber(last_call));
    file.chunk_count = last_call > 0 ? last_call : 0;
    NIBBLE_ASSIGN_OR_RETURN(std::string dataset, ReadText("length of a name"));
    file.datasets.push_back(std::move(dataset));
    return absl::OkStatus();
  }

  gguf::ByteReader reader_;
};

void Put(absl::Span<const float> values, uint64_t offset, std::string& bytes) {
  std::memcpy(&bytes[offset], values.data(), values.size() * sizeof(float));
}

}  // namespace

const Entry* File::Find(absl::string_view name) const {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.name == name; });
  return found == entries.end() ? nullptr : &*found;
}

absl::StatusOr<File> Read(io::FileSystem& files, const std::string& path) {
  NIBBLE_ASSIGN_OR_RETURN(const auto file, files.Open(path));
  std::byte magic[4] = {};
  NIBBLE_RETURN_IF_ERROR(file->ReadAt(0, absl::MakeSpan(magic)));
  if (std::memcmp(magic, "GGUF", sizeof(magic)) == 0) return ReadGguf(files, path);
  return BinaryReader(*file).Read();
}

absl::StatusOr<std::vector<float>> MeanSquares(const Entry& entry, int64_t matrices, int64_t cols, int64_t slice) {
  const int64_t counts = entry.counts.size();
  if (static_cast<int64_t>(entry.sums.size()) != matrices * cols || (counts != matrices && counts != 1)) {
    return BadData(absl::StrCat("importance matrix of '", entry.name, "'"),
                   absl::StrCat(matrices, " x ", cols, " sums"),
                   absl::StrCat(counts, " x ", entry.sums.size() / counts));
  }
  const float count = entry.counts[counts == 1 ? 0 : slice];
  if (count == 0) return std::vector<float>();
  std::vector<float> means(entry.sums.begin() + slice * cols, entry.sums.begin() + (slice + 1) * cols);
  for (float& mean : means) mean /= count;
  return means;
}

std::string Encode(const File& file) {
  gguf::Metadata metadata;
  metadata.Set(kTypeKey, std::string(kType));
  metadata.Set(kDatasetsKey, gguf::Array(file.datasets));
  metadata.Set(kChunkCountKey, file.chunk_count);
  metadata.Set(kChunkSizeKey, file.chunk_size);
  std::vector<gguf::TensorInfo> infos;
  for (const Entry& entry : file.entries) {
    const int64_t matrices = entry.counts.size(), sums = entry.sums.size();
    assert(matrices > 0 && sums % matrices == 0);
    infos.push_back({absl::StrCat(entry.name, kSums), DType::kF32, {matrices, sums / matrices}});
    infos.push_back({absl::StrCat(entry.name, kCounts), DType::kF32, {matrices, 1}});
  }
  const gguf::Layout layout = gguf::MakeLayout(metadata, infos);
  std::string bytes = layout.header;
  bytes.resize(layout.file_bytes);
  for (size_t i = 0; i < file.entries.size(); ++i) {
    Put(file.entries[i].sums, layout.offsets[2 * i], bytes);
    Put(file.entries[i].counts, layout.offsets[2 * i + 1], bytes);
  }
  return bytes;
}

}  // namespace nibble::imatrix
