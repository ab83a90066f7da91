#include "pipeline/calibration/made_linear.h"

#include <algorithm>
#include <cassert>
#include <string>

#include "absl/status/statusor.h"
#include "base/status.h"
#include "pipeline/calibration/sent_linear.pb.h"
#include "quant/block/format.h"
#include "quant/block/scale_blocks.h"
#include "quant/gptq/fit.h"

namespace nibble {

MadeLinear::MadeLinear(const OutputTensor& tensor, int slice) : tensor(&tensor), slice(slice) {
  bytes.resize(GetFormat(tensor.format).BytesFor(logical().rows * logical().cols));
}

void MadeLinear::ReplaceIn(Device& device, Weights& weights) {
  const BlockFormat& format = GetFormat(tensor->format);
  if (tensor->multiplier == 1) {
    weights.Replace(device, logical().role, format, bytes);
    return;
  }
  values.resize(logical().rows * logical().cols);
  format.decode(bytes.data(), values.size() / format.block_elements, values.data());
  for (float& value : values) value /= tensor->multiplier;
  weights.Replace(device, logical().role, values);
}

bool MadeLinear::CanDivideRows() const {
  const BlockFormat& format = GetFormat(tensor->format);
  const size_t blocks = bytes.size() / format.block_bytes;
  return CanScaleBlocks(format.id, kMostColumnScale, blocks, bytes.data()) &&
         CanScaleBlocks(format.id, 1 / kMostColumnScale, blocks, bytes.data());
}

void MadeLinear::DivideRows(absl::Span<const float> scales) {
  const BlockFormat& format = GetFormat(tensor->format);
  const size_t row_bytes = bytes.size() / scales.size();
  for (size_t row = 0; row < scales.size(); ++row) {
    [[maybe_unused]] const bool held =
        ScaleBlocks(format.id, 1 / scales[row], row_bytes / format.block_bytes, &bytes[row * row_bytes]);
    assert(held);
  }
}

absl::Status ShareLinears(Comm& comm, absl::Span<MadeLinear> linears) {
  if (comm.size() == 1) return absl::OkStatus();
  SentLinears mine;
  for (size_t i = 0; i < linears.size(); ++i) {
    const MadeLinear& linear = linears[i];
    if (!linear.is_mine) continue;
    SentLinear& sent = *mine.add_linears();
    sent.set_place(i);
    sent.set_bytes(linear.bytes.data(), linear.bytes.size());
    sent.mutable_column_scales()->Assign(linear.column_scales.begin(), linear.column_scales.end());
    *sent.mutable_report() = linear.report;
  }
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, comm.AllGather(mine.SerializeAsString()));
  for (int rank = 0; rank < comm.size(); ++rank) {
    if (rank == comm.rank()) continue;
    SentLinears its;
    const bool is_whole = its.ParseFromString(all[rank]);
    for (const SentLinear& sent : its.linears()) {
      if (!is_whole || sent.place() >= linears.size() || sent.bytes().size() != linears[sent.place()].bytes.size()) {
        return absl::InternalError("a bug of nibble: a linear that is none");
      }
      MadeLinear& linear = linears[sent.place()];
      std::copy_n(reinterpret_cast<const std::byte*>(sent.bytes().data()), linear.bytes.size(), linear.bytes.begin());
      linear.column_scales.assign(sent.column_scales().begin(), sent.column_scales().end());
      linear.report = sent.report();
    }
  }
  return absl::OkStatus();
}

}  // namespace nibble
