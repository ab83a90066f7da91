#include "converters/memory_checkpoint.h"

#include <cstring>
#include <memory>
#include <random>
#include <utility>

#include "absl/types/span.h"
#include "formats/io/file.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/memory_file.h"

namespace nibble {
namespace {

int64_t Product(const std::vector<int64_t>& shape) {
  int64_t product = 1;
  for (const int64_t length : shape) product *= length;
  return product;
}

std::mt19937 RandomFor(const std::string& name) {
  uint32_t seed = 1;
  for (const char c : name) seed = seed * 31 + static_cast<uint8_t>(c);
  return std::mt19937(seed);
}

}  // namespace

void MemoryCheckpoint::AddFloats(const std::string& name, std::vector<int64_t> shape,
                                 const std::vector<float>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  tensors[name] = {DType::kF32, std::move(shape), std::move(bytes)};
}

void MemoryCheckpoint::AddRandom(const std::string& name, std::vector<int64_t> shape) {
  std::mt19937 random = RandomFor(name);
  std::vector<float> values(Product(shape));
  for (float& value : values) value = static_cast<float>(static_cast<int>(random() % 2001) - 1000) / 1024;
  AddFloats(name, std::move(shape), values);
}

void MemoryCheckpoint::AddRandomBytes(const std::string& name, DType dtype, std::vector<int64_t> shape, int low,
                                      int high) {
  std::mt19937 random = RandomFor(name);
  std::vector<std::byte> bytes(Product(shape) * GetDType(dtype).block_bits / 8);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(low + static_cast<int>(random() % (high - low + 1)));
  tensors[name] = {dtype, std::move(shape), std::move(bytes)};
}

void MemoryCheckpoint::Rename(const std::string& from, const std::string& to) {
  tensors[to] = std::move(tensors[from]);
  tensors.erase(from);
}

std::vector<float> MemoryCheckpoint::Floats(const std::string& name) const {
  const Tensor& tensor = tensors.at(name);
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

TensorSource MemoryCheckpoint::Source() const {
  std::vector<std::byte> bytes;
  std::vector<StoredTensor> stored;
  for (const auto& [name, tensor] : tensors) {
    stored.push_back({name, tensor.dtype, tensor.shape, 0, bytes.size(), tensor.bytes.size()});
    bytes.insert(bytes.end(), tensor.bytes.begin(), tensor.bytes.end());
  }
  std::vector<std::unique_ptr<io::ReadableFile>> files;
  files.push_back(std::make_unique<MemoryFile>(std::move(bytes)));
  return TensorSource::Create(std::move(files), std::move(stored)).value();
}

std::vector<float> ValuesOf(const TensorSource& source, const TensorMap& map, absl::string_view gguf_name) {
  std::vector<float> all;
  for (const LogicalTensor& tensor : map.tensors) {
    if (GgufName(tensor) != gguf_name) continue;
    std::vector<float> values(tensor.rows * tensor.cols);
    EXPECT_EQ(ReadRows(source, tensor, 0, tensor.rows, absl::MakeSpan(values)), absl::OkStatus()) << gguf_name;
    all.insert(all.end(), values.begin(), values.end());
  }
  EXPECT_FALSE(all.empty()) << gguf_name;
  return all;
}

}  // namespace nibble
