#include "pipeline/output/folder_output.h"

#include <algorithm>
#include <array>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/json/json.h"
#include "formats/json/write.h"
#include "formats/tensor_source.h"
#include "model/gather.h"
#include "model/logical_tensor.h"
#include "pipeline/comm/divide.h"
#include "pipeline/output/folder_layout.h"
#include "pipeline/output/manifest.h"
#include "pipeline/source/publication.h"
#include "pipeline/source/published_tensors.h"
#include "quant/block/format.h"
#include "quant/block/packing.h"

namespace nibble {
namespace {

constexpr uint64_t kMaxConfigBytes = 16 << 20;
constexpr uint64_t kMaxTextBytes = 1 << 30;
constexpr uint64_t kCopyBytes = 4 << 20;  // at once

// What belongs to a model beside its tensors: tokenizer, generation config, chat template, licence, code.
bool IsCompanion(absl::string_view name) {
  for (const absl::string_view not_copied : {"config.json", "params.json", "quantize_config.json", kManifestFile}) {
    if (name == not_copied) return false;
  }
  if (absl::StartsWith(name, ".") || absl::EndsWith(name, ".safetensors.index.json")) return false;
  for (const absl::string_view suffix : {".json", ".txt", ".model", ".jinja", ".tiktoken", ".py"}) {
    if (absl::EndsWith(name, suffix)) return true;
  }
  return absl::StartsWith(name, "LICENSE");
}

absl::Span<const std::byte> AsBytes(absl::string_view text) {
  return absl::MakeConstSpan(reinterpret_cast<const std::byte*>(text.data()), text.size());
}

// Published rows, in rising order, and which of the rows at hand each is.
struct RowPlace {
  int64_t published;
  int64_t row;
};

// Of the tensor's outputs, which are its rows or, where it is [..., in, out], its columns.
int64_t PublishedRow(const LogicalTensor& tensor, int64_t row) {
  const StridedView& view = std::get<StridedView>(tensor.recipe);
  const int64_t element = StoredElement(view, row, 0);
  const int64_t outputs = view.cols.stride;
  if (outputs == 1) return element / tensor.cols;
  return element / (outputs * tensor.cols) * outputs + element % outputs;
}

std::vector<RowPlace> PlacesOf(const LogicalTensor& tensor, int64_t first_row, int64_t rows) {
  std::vector<RowPlace> places;
  for (int64_t row = 0; row < rows; ++row) places.push_back({PublishedRow(tensor, first_row + row), row});
  std::sort(places.begin(), places.end(),
            [](const RowPlace& a, const RowPlace& b) { return a.published < b.published; });
  return places;
}

// The config without what was said of the source's quantization, and with ours.
absl::StatusOr<std::string> NewConfig(io::FileSystem& files, const std::string& path, const std::string& quantization) {
  NIBBLE_ASSIGN_OR_RETURN(std::string text, io::ReadWholeFile(files, path, kMaxConfigBytes));
  NIBBLE_ASSIGN_OR_RETURN(const json::Document config, json::Document::Parse(std::move(text), path));
  return json::TextWith(config.root(), {"compression_config"}, "quantization_config", quantization) + "\n";
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileOutput>> FolderOutput::Create(io::FileSystem& files, const Model& model,
                                                                 const OutputPlan& plan, const OutputOptions& options) {
  std::string config = plan.config;
  if (plan.publication == nullptr) {
    NIBBLE_ASSIGN_OR_RETURN(
        config, NewConfig(files, io::JoinPath(model.path, "config.json"), plan.folder->quantization_config));
  }
  NIBBLE_ASSIGN_OR_RETURN(auto folder, io::AtomicFolder::Create(files, options.path,
                                                                {.force = options.force,
                                                                 .resume = options.resume,
                                                                 .inputs = model.inputs,
                                                                 .joins = !options.comm->is_first()}));
  std::unique_ptr<FolderOutput> output(
      new FolderOutput(files, model, plan, options, std::move(config), std::move(folder)));
  NIBBLE_RETURN_IF_ERROR(output->ReserveShards());
  return output;
}

absl::Status FolderOutput::ReserveShards() {
  for (const FolderLayout::File& file : plan_.folder->files) {
    NIBBLE_ASSIGN_OR_RETURN(shards_.emplace_back(), folder_->Add(file.name, file.layout.file_bytes));
  }
  std::vector<Place> places;
  for (const std::string& name : plan_.folder->names) {
    const FolderLayout::Place& place = plan_.folder->places.at(name);
    places.push_back({shards_[place.file], place.offset, place.bytes});
  }
  return SetPlaces(std::move(places));
}

absl::Status FolderOutput::Begin() {
  if (comm_.is_first()) NIBBLE_RETURN_IF_ERROR(WriteWhatIsKnown());
  return CopyTensors();
}

absl::Status FolderOutput::WriteWhatIsKnown() {
  for (size_t i = 0; i < shards_.size(); ++i) {
    NIBBLE_RETURN_IF_ERROR(shards_[i]->WriteAt(0, AsBytes(plan_.folder->files[i].layout.header)));
  }
  NIBBLE_RETURN_IF_ERROR(WriteText("config.json", config_));
  NIBBLE_RETURN_IF_ERROR(WriteCompanions());
  return WriteFacts();
}

uint64_t FolderOutput::RowBytes(size_t tensor) const {
  return CopyAt(tensor) == nullptr ? FileOutput::RowBytes(tensor) : 1;
}

int64_t FolderOutput::RowsOf(size_t tensor, size_t slice) const {
  if (tensor < plan_.tensors.size()) return FileOutput::RowsOf(tensor, slice);
  return tensor - plan_.tensors.size() < plan_.folder->copies.size() && slice == 0 ? CopyAt(tensor)->bytes : 0;
}

absl::Status FolderOutput::WriteFacts() {
  for (const OutputTensor& tensor : plan_.tensors) {
    const Packing* packing = FindPacking(tensor.format);
    if (packing == nullptr) continue;
    for (const LogicalTensor& slice : tensor.published) {
      const std::string weight = WeightName(std::get<StridedView>(slice.recipe));
      if (packing->is_scaled) {
        const absl::Span<const float> divisor = absl::MakeConstSpan(&tensor.multiplier, 1);
        NIBBLE_RETURN_IF_ERROR(
            WriteAt(NumberOf(weight + "_global_scale"), 0,
                    absl::MakeConstSpan(reinterpret_cast<const std::byte*>(divisor.data()), sizeof(float))));
      }
      if (!plan_.folder->places.contains(weight + "_shape")) continue;
      const std::array<int64_t, 2> shape = {slice.rows, slice.cols};
      NIBBLE_RETURN_IF_ERROR(
          WriteAt(NumberOf(weight + "_shape"), 0,
                  absl::MakeConstSpan(reinterpret_cast<const std::byte*>(shape.data()), sizeof(shape))));
    }
  }
  return absl::OkStatus();
}

absl::Status FolderOutput::CopyTensors() {
  std::vector<uint64_t> costs;
  for (const StoredTensor* tensor : plan_.folder->copies) costs.push_back(tensor->bytes);
  const std::vector<int> owners = Divide(costs, comm_.size());
  std::vector<std::byte> bytes;
  for (size_t i = 0; i < plan_.folder->copies.size(); ++i) {
    if (owners[i] != comm_.rank()) continue;
    const StoredTensor& tensor = *plan_.folder->copies[i];
    for (uint64_t offset = 0; offset < tensor.bytes; offset += bytes.size()) {
      bytes.resize(std::min(kCopyBytes, tensor.bytes - offset));
      const TensorRows range{plan_.tensors.size() + i, 0, static_cast<int64_t>(offset),
                             static_cast<int64_t>(bytes.size())};
      if (Has(range)) continue;
      NIBBLE_RETURN_IF_ERROR(model_.source.Read(tensor, offset, absl::MakeSpan(bytes)));
      NIBBLE_RETURN_IF_ERROR(Write(range, bytes));
    }
  }
  return absl::OkStatus();
}

absl::Status FolderOutput::WriteCompanions() {
  if (plan_.publication == nullptr) return CopyFiles();
  for (const auto& [name, text] : plan_.publication->companions) {
    NIBBLE_RETURN_IF_ERROR(WriteText(name, text));
  }
  return absl::OkStatus();
}

absl::Status FolderOutput::CopyFiles() {
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.List(model_.path));
  for (const std::string& name : names) {
    const std::string path = io::JoinPath(model_.path, name);
    const absl::StatusOr<io::FileInfo> info = files_.Stat(path);
    if (!info.ok() || info->kind != io::FileKind::kRegular || !IsCompanion(name)) continue;
    NIBBLE_ASSIGN_OR_RETURN(const std::string text, io::ReadWholeFile(files_, path, kMaxTextBytes));
    NIBBLE_RETURN_IF_ERROR(WriteText(name, text));
  }
  return absl::OkStatus();
}

absl::Status FolderOutput::WriteText(const std::string& name, const std::string& text) {
  NIBBLE_ASSIGN_OR_RETURN(io::WritableFile* const file, folder_->Add(name, text.size()));
  return file->WriteAt(0, AsBytes(text));
}

absl::Status FolderOutput::Spread(const TensorRows& range, absl::Span<const std::byte> rows, Sink sink) const {
  if (const StoredTensor* copy = CopyAt(range.tensor)) return sink(NumberOf(copy->name), range.first, rows);
  const OutputTensor& tensor = plan_.tensors[range.tensor];
  const LogicalTensor& slice = tensor.published[range.slice];
  const bool is_packed = FindPacking(tensor.format) != nullptr;
  return is_packed ? SpreadPacked(tensor, slice, range.first, rows, sink)
                   : SpreadElements(tensor, slice, range.first, rows, sink);
}

absl::Status FolderOutput::SpreadPacked(const OutputTensor& tensor, const LogicalTensor& slice, int64_t first_row,
                                        absl::Span<const std::byte> rows, Sink sink) const {
  const Packing& packing = *FindPacking(tensor.format);
  const BlockFormat& format = GetFormat(tensor.format);
  const std::string weight = WeightName(std::get<StridedView>(slice.recipe));
  const uint64_t row_bytes = format.BytesFor(slice.cols);
  const uint64_t code_bytes = slice.cols / 2, scale_bytes = slice.cols / packing.group * packing.scale_bytes;
  const std::vector<RowPlace> places = PlacesOf(slice, first_row, rows.size() / row_bytes);
  std::vector<std::byte> codes(places.size() * code_bytes), scales(places.size() * scale_bytes);
  for (size_t i = 0; i < places.size(); ++i) {
    packing.unpack(rows.data() + places[i].row * row_bytes, slice.cols / format.block_elements,
                   codes.data() + i * code_bytes, scales.data() + i * scale_bytes);
  }
  const size_t code_number = NumberOf(absl::StrCat(weight, plan_.folder->codes_suffix));
  const size_t scale_number = NumberOf(absl::StrCat(weight, plan_.folder->scales_suffix));
  // Rows that follow one another are written in one.
  for (size_t begin = 0, end = 0; begin < places.size(); begin = end) {
    for (end = begin + 1; end < places.size() && places[end].published == places[end - 1].published + 1;) ++end;
    const uint64_t row = places[begin].published, count = end - begin;
    NIBBLE_RETURN_IF_ERROR(sink(code_number, row * code_bytes,
                                absl::MakeConstSpan(codes).subspan(begin * code_bytes, count * code_bytes)));
    NIBBLE_RETURN_IF_ERROR(sink(scale_number, row * scale_bytes,
                                absl::MakeConstSpan(scales).subspan(begin * scale_bytes, count * scale_bytes)));
  }
  return absl::OkStatus();
}

absl::Status FolderOutput::SpreadElements(const OutputTensor& tensor, const LogicalTensor& slice, int64_t first_row,
                                          absl::Span<const std::byte> rows, Sink sink) const {
  const StridedView& view = std::get<StridedView>(slice.recipe);
  const size_t size = GetFormat(tensor.format).block_bytes;
  const int64_t parts = slice.cols / view.cols.count;  // view rows of a row
  const int64_t count = rows.size() / size / slice.cols;
  const size_t number = NumberOf(WeightName(view));
  std::vector<std::byte> bytes;
  for (const Run& run : RunsOf(view, first_row * parts, (first_row + count) * parts)) {
    const int64_t at_once = run.step == 1 ? run.count : 1;
    for (int64_t done = 0; done < run.count; done += at_once) {
      bytes.resize(at_once * size);
      for (int64_t i = 0; i < at_once; ++i) {
        std::copy_n(rows.data() + (run.out + (done + i) * run.out_step) * size, size, bytes.data() + i * size);
      }
      NIBBLE_RETURN_IF_ERROR(sink(number, (run.stored + done * run.step) * size, bytes));
    }
  }
  return absl::OkStatus();
}

// The index last: without it files that are several are no model.
absl::Status FolderOutput::Publish(const Manifest& manifest) {
  NIBBLE_RETURN_IF_ERROR(WriteText(kManifestFile, ManifestText(manifest) + "\n"));
  if (!plan_.folder->index.empty()) {
    NIBBLE_RETURN_IF_ERROR(WriteText("model.safetensors.index.json", plan_.folder->index));
  }
  return folder_->Commit();
}

}  // namespace nibble
