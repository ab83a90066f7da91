#include "formats/gguf/part.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "formats/gguf/byte_reader.h"
#include "formats/gguf/wire.h"
#include "simdjson.h"

namespace nibble::gguf {
namespace {

constexpr uint64_t kMaxValueBytes = uint64_t{1} << 30;  // of one string or array on disk, as llama.cpp has it

// On disk a key takes at least 14 bytes (length, one character, type, a byte of value), a tensor at least 33 (length,
// one character, rank, one dimension, type, offset).
constexpr uint64_t kMinKeyBytes = 14;
constexpr uint64_t kMinTensorBytes = 33;

// Types that llama.cpp has or had and this program does not read.
constexpr std::pair<uint32_t, absl::string_view> kForeignTypes[] = {
    {4, "Q4_2, removed"},
    {5, "Q4_3, removed"},
    {9, "Q8_1"},
    {15, "Q8_K"},
    {16, "IQ2_XXS"},
    {17, "IQ2_XS"},
    {18, "IQ3_XXS"},
    {19, "IQ1_S"},
    {21, "IQ3_S"},
    {22, "IQ2_S"},
    {29, "IQ1_M"},
    {31, "Q4_0_4_4, removed"},
    {32, "Q4_0_4_8, removed"},
    {33, "Q4_0_8_8, removed"},
    {34, "TQ1_0"},
    {35, "TQ2_0"},
    {36, "IQ4_NL_4_4, removed"},
    {37, "IQ4_NL_4_8, removed"},
    {38, "IQ4_NL_8_8, removed"},
    {41, "Q1_0"},
    {42, "Q2_0"},
};

std::string TypeText(uint32_t type) {
  for (const auto& [id, name] : kForeignTypes) {
    if (id == type) return absl::StrCat("type ", id, " (", name, ")");
  }
  return absl::StrCat("type ", type);
}

absl::Status Unsupported(const absl::Status& error) { return absl::UnimplementedError(error.message()); }

class Parser {
 public:
  Parser(const io::ReadableFile& file, Metadata& metadata, std::vector<StoredTensor>& tensors)
      : file_size_(file.info().size), bytes_(file), metadata_(metadata), tensors_(tensors) {}

  absl::Status Parse() {
    NIBBLE_RETURN_IF_ERROR(ReadVersion());
    uint64_t tensor_count, key_count;
    NIBBLE_RETURN_IF_ERROR(ReadCount(kMinTensorBytes, "tensors", tensor_count));
    NIBBLE_RETURN_IF_ERROR(ReadCount(kMinKeyBytes, "keys", key_count));
    for (uint64_t i = 0; i < key_count; ++i) NIBBLE_RETURN_IF_ERROR(ReadKey(i));
    NIBBLE_RETURN_IF_ERROR(ReadAlignment());
    for (uint64_t i = 0; i < tensor_count; ++i) NIBBLE_RETURN_IF_ERROR(ReadTensor(i));
    return PlaceTensors();
  }

 private:
  absl::Status ReadVersion() {
    std::string magic(kMagic.size(), '\0');
    NIBBLE_RETURN_IF_ERROR(bytes_.Read(magic.data(), magic.size()));
    if (magic != kMagic) {
      const bool pointer = magic == "vers";  // "version https://git-lfs.github.com/spec/v1"
      return bytes_.Error("\"GGUF\"", absl::StrCat("\"", absl::CHexEscape(magic), "\"",
                                                   pointer ? " (a Git LFS pointer? fetch the file itself)" : ""));
    }
    uint32_t version;
    NIBBLE_RETURN_IF_ERROR(bytes_.ReadNumber(version));
    if (version >= kOldestVersion && version <= kVersion) return absl::OkStatus();
    const bool big_endian = version != 0 && (version & 0xFFFF) == 0;
    return Unsupported(bytes_.Error(absl::StrFormat("GGUF version %u or %u, little-endian", kOldestVersion, kVersion),
                                    big_endian ? "a big-endian file" : absl::StrCat("version ", version)));
  }

  absl::Status ReadCount(uint64_t min_bytes, absl::string_view what, uint64_t& count) {
    NIBBLE_RETURN_IF_ERROR(bytes_.ReadNumber(count));
    if (count <= bytes_.remaining() / min_bytes) return absl::OkStatus();
    return bytes_.Error(absl::StrFormat("at most %u %s in %u bytes", bytes_.remaining() / min_bytes, what, file_size_),
                        absl::StrCat(count));
  }

  // Values. One overload per kind; arrays call them for their elements.

  template <typename T>
  absl::Status Read(T& number) {
    return bytes_.ReadNumber(number);
  }

  absl::Status Read(bool& flag) {
    uint8_t byte;
    NIBBLE_RETURN_IF_ERROR(bytes_.ReadNumber(byte));
    if (byte > 1) return bytes_.Error("a bool (0 or 1)", absl::StrCat(byte));
    flag = byte == 1;
    return absl::OkStatus();
  }

  absl::Status Read(std::string& text) {
    uint64_t size;
    NIBBLE_RETURN_IF_ERROR(bytes_.ReadNumber(size));
    NIBBLE_RETURN_IF_ERROR(CheckLength(size, 1));
    text.resize(size);
    NIBBLE_RETURN_IF_ERROR(bytes_.Read(text.data(), size));
    if (simdjson::validate_utf8(text)) return absl::OkStatus();
    return bytes_.Error("text in UTF-8", absl::StrCat("\"", absl::CHexEscape(text.substr(0, 60)), "\""));
  }

  absl::Status Read(Array& array) {
    uint32_t type;
    uint64_t count;
    NIBBLE_RETURN_IF_ERROR(bytes_.ReadNumber(type));
    if (type == kArrayIndex) return Unsupported(bytes_.Error("an array of plain values", "an array of arrays"));
    if (type >= kValueTypes) return bytes_.Error("an array's element type in [0, 12]", absl::StrCat(type));
    NIBBLE_RETURN_IF_ERROR(bytes_.ReadNumber(count));
    return ReadAlternative(
        type < kArrayIndex ? type : type - 1, array, [&](auto& items) { return ReadElements(count, items); },
        std::make_index_sequence<std::variant_size_v<Array>>());
  }

  template <typename T>
  absl::Status ReadElements(uint64_t count, std::vector<T>& items) {
    constexpr bool kText = std::is_same_v<T, std::string>;
    NIBBLE_RETURN_IF_ERROR(CheckLength(count, kText ? sizeof(uint64_t) : sizeof(T)));
    if constexpr (kText || std::is_same_v<T, bool>) {
      for (uint64_t i = 0; i < count; ++i) {
        T item{};
        NIBBLE_RETURN_IF_ERROR(Read(item));
        items.push_back(std::move(item));
      }
      return absl::OkStatus();
    } else {
      items.resize(count);
      return bytes_.Read(items.data(), count * sizeof(T));
    }
  }

  absl::Status CheckLength(uint64_t count, uint64_t min_bytes) {
    const uint64_t most = std::min(bytes_.remaining(), kMaxValueBytes) / min_bytes;
    if (count <= most) return absl::OkStatus();
    return bytes_.Error(absl::StrCat("a length of at most ", most), absl::StrCat(count));
  }

  // Makes `variant` hold its alternative number `index`, and `read`s it.
  template <typename Variant, typename ReadFunction, size_t... kIndices>
  static absl::Status ReadAlternative(size_t index, Variant& variant, ReadFunction read,
                                      std::index_sequence<kIndices...>) {
    absl::Status status;
    ((index == kIndices ? void(status = read(variant.template emplace<kIndices>())) : void()), ...);
    return status;
  }

  absl::Status ReadValue(Value& value) {
    uint32_t type;
    NIBBLE_RETURN_IF_ERROR(bytes_.ReadNumber(type));
    if (type >= kValueTypes) return bytes_.Error("a value type in [0, 12]", absl::StrCat(type));
    return ReadAlternative(
        type, value, [this](auto& v) { return Read(v); }, std::make_index_sequence<kValueTypes>());
  }

  // Keys and tensor infos.

  // A name that can stand in a table or an error line: not empty, no NUL.
  absl::Status ReadName(absl::string_view kind, uint64_t number, std::string& name) {
    bytes_.set_item(absl::StrCat(kind, " ", number));
    NIBBLE_RETURN_IF_ERROR(Read(name));
    if (name.empty()) return bytes_.Error("a name", "an empty one");
    if (absl::StrContains(name, '\0')) {
      return bytes_.Error("a name without NUL", absl::StrCat("\"", absl::CHexEscape(name), "\""));
    }
    bytes_.set_item(absl::StrCat(kind, " '", absl::CHexEscape(name), "'"));
    return absl::OkStatus();
  }

  absl::Status ReadKey(uint64_t number) {
    std::string key;
    Value value;
    NIBBLE_RETURN_IF_ERROR(ReadName("key", number, key));
    if (metadata_.Find(key) != nullptr) return bytes_.Error("every key once", "it again");
    NIBBLE_RETURN_IF_ERROR(ReadValue(value));
    metadata_.Set(key, std::move(value));
    return absl::OkStatus();
  }

  absl::Status ReadAlignment() {
    const Value* value = metadata_.Find(kAlignmentKey);
    if (value == nullptr) return absl::OkStatus();
    const uint32_t* alignment = std::get_if<uint32_t>(value);
    if (alignment != nullptr && *alignment >= kMinAlignment && std::has_single_bit(*alignment)) {
      alignment_ = *alignment;
      return absl::OkStatus();
    }
    return BadData(metadata_.Place(kAlignmentKey), absl::StrCat("a uint32, a power of two from ", kMinAlignment, " on"),
                   alignment == nullptr ? "another type" : absl::StrCat(*alignment));
  }

  absl::Status ReadTensor(uint64_t number) {
    StoredTensor tensor;
    NIBBLE_RETURN_IF_ERROR(ReadName("tensor", number, tensor.name));
    if (tensor.name.size() > kMaxTensorName) {
      return bytes_.Error(absl::StrCat("a name of at most ", kMaxTensorName, " bytes"),
                          absl::StrCat(tensor.name.size()));
    }
    uint64_t elements = 0;
    NIBBLE_RETURN_IF_ERROR(ReadShape(tensor.shape, elements));
    NIBBLE_RETURN_IF_ERROR(ReadType(elements, tensor));
    NIBBLE_RETURN_IF_ERROR(bytes_.ReadNumber(tensor.offset));
    tensors_.push_back(std::move(tensor));
    return absl::OkStatus();
  }

  // On disk the innermost dimension comes first. Dimensions of zero do not excuse the others.
  absl::Status ReadShape(std::vector<int64_t>& shape, uint64_t& elements) {
    uint32_t rank;
    NIBBLE_RETURN_IF_ERROR(bytes_.ReadNumber(rank));
    if (rank < 1 || rank > kMaxDimensions) {
      return bytes_.Error(absl::StrCat("1 to ", kMaxDimensions, " dimensions"), absl::StrCat(rank));
    }
    int64_t product = 1;
    for (uint32_t i = 0; i < rank; ++i) {
      int64_t dim;
      NIBBLE_RETURN_IF_ERROR(bytes_.ReadNumber(dim));
      if (dim < 0 || (dim > 0 && __builtin_mul_overflow(product, dim, &product))) {
        return bytes_.Error("dimensions from 0 on with a product below 2^63", absl::StrCat(dim));
      }
      shape.push_back(dim);
    }
    elements = std::count(shape.begin(), shape.end(), 0) > 0 ? 0 : product;
    std::reverse(shape.begin(), shape.end());
    return absl::OkStatus();
  }

  absl::Status ReadType(uint64_t elements, StoredTensor& tensor) {
    uint32_t id;
    NIBBLE_RETURN_IF_ERROR(bytes_.ReadNumber(id));
    const DTypeInfo* type = id <= INT32_MAX ? FindGgufDType(static_cast<int>(id)) : nullptr;
    if (type == nullptr) return Unsupported(bytes_.Error("a tensor type that can be read", TypeText(id)));
    if (tensor.shape.back() % type->block_elements != 0) {
      return bytes_.Error(absl::StrCat("rows of ", type->name, " in multiples of ", type->block_elements),
                          absl::StrCat(tensor.shape.back()));
    }
    tensor.dtype = type->id;
    if (!__builtin_mul_overflow(elements / type->block_elements, uint64_t{type->block_bits / 8}, &tensor.bytes) &&
        tensor.bytes <= file_size_) {
      return absl::OkStatus();
    }
    return bytes_.Error(absl::StrCat("a tensor smaller than the file of ", file_size_, " bytes"),
                        absl::StrCat(type->name, " ", ShapeText(tensor.shape)));
  }

  // Offsets count from the aligned end of the infos, in order and without gaps but the padding.
  absl::Status PlaceTensors() {
    const uint64_t infos_end = bytes_.position();
    const uint64_t data_begin = AlignUp(infos_end, alignment_);
    uint64_t end = infos_end;  // of what the header tells of
    uint64_t next = 0;
    for (StoredTensor& tensor : tensors_) {
      const std::string place = absl::StrCat(bytes_.path(), ": tensor '", absl::CHexEscape(tensor.name), "'");
      if (tensor.offset != next) {
        return BadData(place, absl::StrCat("offset ", next), absl::StrCat(tensor.offset));
      }
      tensor.offset += data_begin;
      end = tensor.offset + tensor.bytes;
      if (end > file_size_) {
        return BadData(place, absl::StrCat("its data to end at byte ", end),
                       absl::StrCat("the end of the file at byte ", file_size_));
      }
      next = AlignUp(end, alignment_) - data_begin;
    }
    if (file_size_ <= AlignUp(end, alignment_)) return absl::OkStatus();
    return BadData(bytes_.path(), absl::StrCat("the end of the file at byte ", end),
                   absl::StrCat(file_size_ - end, " more bytes"));
  }

  const uint64_t file_size_;
  ByteReader bytes_;
  Metadata& metadata_;
  std::vector<StoredTensor>& tensors_;
  uint64_t alignment_ = kDefaultAlignment;
};

}  // namespace

absl::StatusOr<Part> ReadPart(io::FileSystem& files, const std::string& path) {
  Part part;
  NIBBLE_ASSIGN_OR_RETURN(part.file, files.Open(path));
  part.metadata = Metadata(path);
  NIBBLE_RETURN_IF_ERROR(Parser(*part.file, part.metadata, part.tensors).Parse());
  return part;
}

}  // namespace nibble::gguf
