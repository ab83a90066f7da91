#include "formats/safetensors/header.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "formats/dtype.h"
#include "formats/io/placeholder.h"
#include "formats/json/stream.h"
#include "simdjson.h"

namespace nibble::safetensors {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxNumber = uint64_t{1} << 53;  // past it JSON numbers are not exact everywhere
constexpr absl::string_view kMetadata = "__metadata__";
constexpr size_t kMaxName = 1000, kMaxRank = 64;  // names and shapes go on to messages and other files
constexpr size_t kShownBytes = 60;                // of what is wrong

// As much as a message can hold.
std::string Shown(absl::string_view text, size_t bytes) {
  return absl::StrCat(absl::Utf8SafeCEscape(text.substr(0, bytes)), text.size() > bytes ? "..." : "");
}

std::string TensorPlace(const std::string& path, absl::string_view name) {
  return absl::StrCat(path, ": tensor '", Shown(name, kMaxName), "'");
}

std::string TypeAndShape(const StoredTensor& tensor) {
  return absl::StrCat(GetDType(tensor.dtype).name, " ", ShapeText(tensor.shape));
}

// The bytes of a tensor; nothing if the count of elements or bits overflows, or no whole number of bytes comes out.
std::optional<uint64_t> BytesOf(const StoredTensor& tensor) {
  uint64_t elements = 1, bits = 0;
  for (const int64_t size : tensor.shape) {
    if (__builtin_mul_overflow(elements, static_cast<uint64_t>(size), &elements)) return std::nullopt;
  }
  if (elements > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
  if (__builtin_mul_overflow(elements, uint64_t{GetDType(tensor.dtype).block_bits}, &bits)) return std::nullopt;
  if (bits % 8 != 0) return std::nullopt;
  return bits / 8;
}

// A tensor's name ends up in messages and in other files: no control characters, no way up.
bool IsSafeName(absl::string_view name) {
  if (std::any_of(name.begin(), name.end(), absl::ascii_iscntrl)) return false;
  const std::vector<absl::string_view> steps = absl::StrSplit(name, absl::ByAnyChar("/\\"));
  return std::find(steps.begin(), steps.end(), "..") == steps.end();
}

// The JSON: everything that can be judged without the length of the file. Offsets stay relative to the data.
class Parser {
 public:
  Parser(std::string text, const std::string& path) : path_(path), stream_(std::move(text), path, kLengthBytes) {}

  absl::StatusOr<Header> Parse() {
    ondemand::value root;
    NIBBLE_RETURN_IF_ERROR(stream_.Begin(root));
    NIBBLE_RETURN_IF_ERROR(ForEachMember(root, [&](absl::string_view name, ondemand::value value) {
      name_ = name;
      if (!names_.insert(name).second)
        return stream_.Error("one tensor of each name", absl::StrCat("a second '", Name(), "'"));
      return name == kMetadata ? ParseMetadata(value) : ParseTensor(value);
    }));
    NIBBLE_RETURN_IF_ERROR(stream_.End());
    return std::move(header_);
  }

 private:
  // Calls visit(key, value) for each member of what must be an object.
  template <typename Visit>
  absl::Status ForEachMember(ondemand::value value, Visit visit) {
    ondemand::object object;
    NIBBLE_RETURN_IF_ERROR(CheckType(value.get_object().get(object), value, "", "a JSON object"));
    for (simdjson::simdjson_result<ondemand::field> result : object) {
      ondemand::field field;
      std::string_view key;
      NIBBLE_RETURN_IF_ERROR(stream_.Check(std::move(result).get(field)));
      NIBBLE_RETURN_IF_ERROR(stream_.Check(json::KeyOf(field).get(key)));
      NIBBLE_RETURN_IF_ERROR(visit(json::View(key), field.value()));
    }
    return absl::OkStatus();
  }

  absl::Status ParseMetadata(ondemand::value value) {
    return ForEachMember(value, [&](absl::string_view key, ondemand::value entry) -> absl::Status {
      std::string_view text;
      NIBBLE_RETURN_IF_ERROR(CheckType(entry.get_string().get(text), entry, key, "a string"));
      if (header_.metadata.emplace(key, std::string(text)).second) return absl::OkStatus();
      return BadData(Place(key), "one entry of this name", "two");
    });
  }

  absl::Status ParseTensor(ondemand::value value) {
    if (name_.size() > kMaxName) {
      return BadData(Place(""), absl::StrCat("a name of at most ", kMaxName, " bytes"), absl::StrCat(name_.size()));
    }
    if (!IsSafeName(name_)) return BadData(Place(""), "a name without control characters or '..'", "one with them");
    StoredTensor tensor;
    tensor.name = std::string(name_);
    bool dtype = false, shape = false, offsets = false;
    NIBBLE_RETURN_IF_ERROR(ForEachMember(value, [&](absl::string_view field, ondemand::value entry) -> absl::Status {
      bool* const seen = field == "dtype"          ? &dtype
                         : field == "shape"        ? &shape
                         : field == "data_offsets" ? &offsets
                                                   : nullptr;
      if (!seen) return BadData(Place(field), "dtype, shape and data_offsets only", "this");
      if (std::exchange(*seen, true)) return BadData(Place(field), "one field of this name", "two");
      return seen == &dtype   ? ParseDType(entry, tensor)
             : seen == &shape ? ParseShape(entry, tensor)
                              : ParseOffsets(entry, tensor);
    }));
    for (const auto& [field, seen] : {std::pair("dtype", dtype), {"shape", shape}, {"data_offsets", offsets}}) {
      if (!seen) return BadData(Place(field), "a value", "nothing");
    }
    const std::optional<uint64_t> bytes = BytesOf(tensor);
    if (!bytes) {
      return BadData(Place("shape"), "a whole number of bytes that 64 bits can count", TypeAndShape(tensor));
    }
    if (*bytes != tensor.bytes) {
      return BadData(Place("data_offsets"), absl::StrCat(*bytes, " bytes for ", TypeAndShape(tensor)),
                     absl::StrCat(tensor.bytes));
    }
    header_.tensors.push_back(std::move(tensor));
    return absl::OkStatus();
  }

  absl::Status ParseDType(ondemand::value value, StoredTensor& tensor) {
    std::string_view name;
    NIBBLE_RETURN_IF_ERROR(CheckType(value.get_string().get(name), value, "dtype", "a string"));
    const DTypeInfo* const info = FindSafetensorsDType(json::View(name));
    if (!info) return BadData(Place("dtype"), "a dtype of the format", Shown(json::View(name), kShownBytes));
    tensor.dtype = info->id;
    return absl::OkStatus();
  }

  absl::Status ParseShape(ondemand::value value, StoredTensor& tensor) {
    size_t rank = 0;
    NIBBLE_RETURN_IF_ERROR(ForEachNumber(value, "shape", [&](uint64_t size) {
      if (++rank <= kMaxRank) tensor.shape.push_back(static_cast<int64_t>(size));
    }));
    if (rank <= kMaxRank) return absl::OkStatus();
    return BadData(Place("shape"), absl::StrCat("at most ", kMaxRank, " sizes"), absl::StrCat(rank));
  }

  absl::Status ParseOffsets(ondemand::value value, StoredTensor& tensor) {
    uint64_t offsets[2] = {0, 0};
    size_t count = 0;
    NIBBLE_RETURN_IF_ERROR(ForEachNumber(value, "data_offsets", [&](uint64_t offset) {
      if (count < 2) offsets[count] = offset;
      ++count;
    }));
    if (count != 2) return BadData(Place("data_offsets"), "2 numbers", absl::StrCat(count));
    if (offsets[0] > offsets[1]) {
      return BadData(Place("data_offsets"), "begin <= end", absl::StrCat("[", offsets[0], ", ", offsets[1], "]"));
    }
    tensor.offset = offsets[0];
    tensor.bytes = offsets[1] - offsets[0];
    return absl::OkStatus();
  }

  // Calls visit(number) for each element of what must be an array of counts.
  template <typename Visit>
  absl::Status ForEachNumber(ondemand::value value, absl::string_view field, Visit visit) {
    ondemand::array array;
    NIBBLE_RETURN_IF_ERROR(CheckType(value.get_array().get(array), value, field, "a JSON array"));
    for (simdjson::simdjson_result<ondemand::value> result : array) {
      ondemand::value element;
      uint64_t number = 0;
      NIBBLE_RETURN_IF_ERROR(stream_.Check(std::move(result).get(element)));
      if (element.get_uint64().get(number) || number > kMaxNumber) {
        return BadData(Place(field), "integers in [0, 2^53]", Token(element));
      }
      visit(number);
    }
    return absl::OkStatus();
  }

  // OK for SUCCESS; else an error that shows `value`, if it is of the wrong type, or what is wrong with the JSON.
  absl::Status CheckType(simdjson::error_code error, ondemand::value& value, absl::string_view field,
                         absl::string_view expected) {
    if (error == simdjson::INCORRECT_TYPE) return BadData(Place(field), expected, Token(value));
    return stream_.Check(error);
  }

  static std::string Token(ondemand::value& value) {
    const absl::string_view token = absl::StripTrailingAsciiWhitespace(json::View(value.raw_json_token()));
    return absl::Utf8SafeCEscape(token.substr(0, 40));
  }

  std::string Name() const { return Shown(name_, kMaxName); }

  // "<path>: tensor '<name>': <field>", as far as there is a name and a field.
  std::string Place(absl::string_view field) const {
    std::string place = name_.data() == nullptr ? absl::StrCat(path_, ": header")
                        : name_ == kMetadata    ? absl::StrCat(path_, ": ", kMetadata)
                                                : TensorPlace(path_, name_);
    if (!field.empty()) absl::StrAppend(&place, ": ", Shown(field, kShownBytes));
    return place;
  }

  const std::string& path_;
  json::Stream stream_;
  absl::string_view name_;                        // of the tensor at hand; lives in stream_
  absl::flat_hash_set<absl::string_view> names_;  // likewise
  Header header_;
};

// The tensors' bytes must follow each other from the first to the last byte behind the header. Makes offsets absolute.
absl::Status PlaceTensors(const std::string& path, uint64_t data_start, uint64_t file_bytes,
                          std::vector<StoredTensor>& tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const StoredTensor& a, const StoredTensor& b) {
    return std::tie(a.offset, a.bytes, a.name) < std::tie(b.offset, b.bytes, b.name);
  });
  uint64_t end = 0;  // offsets are at most 2^53: no sum below overflows
  for (StoredTensor& tensor : tensors) {
    if (tensor.offset != end) {
      return BadData(absl::StrCat(TensorPlace(path, tensor.name), ": data_offsets"),
                     absl::StrCat("to begin at ", end, ", where the data before it ends"),
                     absl::StrCat(tensor.offset, tensor.offset < end ? " (an overlap)" : " (a hole)"));
    }
    end += tensor.bytes;
    tensor.offset += data_start;
  }
  end += data_start;
  if (end == file_bytes) return absl::OkStatus();
  if (end < file_bytes) {
    return BadData(absl::StrCat(path, ": byte ", end), "the end of the file behind the last tensor",
                   absl::StrCat(file_bytes - end, " bytes more"));
  }
  const auto cut = std::find_if(tensors.begin(), tensors.end(),
                                [&](const StoredTensor& tensor) { return tensor.offset + tensor.bytes > file_bytes; });
  return BadData(absl::StrCat(TensorPlace(path, cut->name), ": byte ", cut->offset),
                 absl::StrCat("a file of ", end, " bytes"), absl::StrCat(file_bytes, ": it is cut off"));
}

absl::Span<std::byte> BytesIn(std::string& text) {
  return absl::MakeSpan(reinterpret_cast<std::byte*>(text.data()), text.size());
}

// The header's JSON text, once its length is known to be sound.
absl::StatusOr<std::string> ReadHeaderText(const io::ReadableFile& file) {
  const std::string& path = file.path();
  const uint64_t file_bytes = file.info().size;
  std::string head(std::min<uint64_t>(file_bytes, io::kPlaceholderBytes), '\0');
  NIBBLE_RETURN_IF_ERROR(file.ReadAt(0, BytesIn(head)));
  const absl::string_view placeholder = io::PlaceholderText(head);
  if (!placeholder.empty()) return BadData(path, "a safetensors file", placeholder);

  const std::string start = absl::StrCat(path, ": byte 0");
  if (file_bytes < kLengthBytes)
    return BadData(start, "a header length of 8 bytes", absl::StrCat(file_bytes, " bytes"));
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) length |= uint64_t{static_cast<unsigned char>(head[i])} << (8 * i);
  const uint64_t longest = std::min(kMaxHeaderBytes, file_bytes - kLengthBytes);
  if (length > longest) {
    return BadData(start,
                   absl::StrCat("a header of at most ", longest,
                                longest == kMaxHeaderBytes ? " bytes" : " bytes, the rest of the file"),
                   absl::StrCat("a length of ", length));
  }
  std::string text(length, '\0');
  NIBBLE_RETURN_IF_ERROR(file.ReadAt(kLengthBytes, BytesIn(text)));
  if (absl::StartsWith(text, "{")) return text;
  return BadData(absl::StrCat(path, ": byte ", kLengthBytes), "'{'",
                 text.empty() ? "an empty header" : absl::StrCat("'", absl::CHexEscape(text.substr(0, 1)), "'"));
}

}  // namespace

absl::StatusOr<Header> ReadHeader(const io::ReadableFile& file) {
  NIBBLE_ASSIGN_OR_RETURN(std::string text, ReadHeaderText(file));
  const uint64_t data_start = kLengthBytes + text.size();
  NIBBLE_ASSIGN_OR_RETURN(Header header, Parser(std::move(text), file.path()).Parse());
  NIBBLE_RETURN_IF_ERROR(PlaceTensors(file.path(), data_start, file.info().size, header.tensors));
  return header;
}

}  // namespace nibble::safetensors
