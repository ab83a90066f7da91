// Encodes or decodes a file of raw values with one format: what scripts compare with other programs' codecs.
//
//   block_codec encode FORMAT rtn|weighted FLOATS BYTES [WEIGHTS]
//   block_codec decode FORMAT BYTES FLOATS
#include <cstddef>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "quant/block/format.h"

namespace {

template <typename T>
std::vector<T> Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<T> values(bytes.size() / sizeof(T));
  std::copy_n(bytes.data(), values.size() * sizeof(T), reinterpret_cast<char*>(values.data()));
  return values;
}

template <typename T>
bool Write(const std::string& path, const std::vector<T>& values) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
  return file.good();
}

bool Encode(const nibble::BlockFormat& format, const std::vector<std::string>& args) {
  const std::vector<float> values = Read<float>(args[3]);
  const std::vector<float> weights = args.size() > 5 ? Read<float>(args[5]) : std::vector<float>();
  const size_t blocks = values.size() / format.block_elements;
  std::vector<std::byte> bytes(blocks * format.block_bytes);
  if (format.encode_rtn == nullptr || (!weights.empty() && weights.size() != values.size())) return false;
  if (args[2] == "rtn") {
    format.encode_rtn(values.data(), blocks, bytes.data());
  } else {
    format.encode_weighted(values.data(), weights.empty() ? nullptr : weights.data(), blocks, bytes.data());
  }
  return Write(args[4], bytes);
}

bool Decode(const nibble::BlockFormat& format, const std::vector<std::string>& args) {
  const std::vector<std::byte> bytes = Read<std::byte>(args[2]);
  const size_t blocks = bytes.size() / format.block_bytes;
  std::vector<float> values(blocks * format.block_elements);
  format.decode(bytes.data(), blocks, values.data());
  return Write(args[3], values);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  const nibble::BlockFormat* format = args.size() < 2 ? nullptr : nibble::FindFormat(args[1]);
  const bool encode = args.size() >= 5 && args[0] == "encode", decode = args.size() == 4 && args[0] == "decode";
  if (format == nullptr || (!encode && !decode)) {
    std::cerr << "usage: block_codec encode FORMAT rtn|weighted FLOATS BYTES [WEIGHTS]\n"
                 "       block_codec decode FORMAT BYTES FLOATS\n";
    return 64;
  }
  return (encode ? Encode(*format, args) : Decode(*format, args)) ? 0 : 74;
}
