#include "runtime/row_store.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <utility>

#include "base/status.h"

namespace nibble {

absl::StatusOr<RowStore> RowStore::Create(int64_t rows, int64_t width, RowBudget* budget) {
  RowStore store;
  const int64_t resident = budget == nullptr ? rows : std::min(rows, budget->floats_ / width);
  if (resident < rows) {
    NIBBLE_ASSIGN_OR_RETURN(store.offset_, budget->file_->Reserve((rows - resident) * width * sizeof(float)));
  }
  store.rows_ = rows;
  store.width_ = width;
  store.budget_ = budget;
  store.resident_.resize(resident * width);
  if (budget != nullptr) budget->floats_ -= resident * width;
  return store;
}

RowStore::~RowStore() {
  if (budget_ == nullptr) return;
  budget_->floats_ += resident_.size();
  if (BytesInFile() > 0) budget_->file_->Release(offset_, BytesInFile());
}

RowStore& RowStore::operator=(RowStore&& other) noexcept {
  std::swap(rows_, other.rows_);
  std::swap(width_, other.width_);
  std::swap(budget_, other.budget_);
  std::swap(resident_, other.resident_);
  std::swap(offset_, other.offset_);
  return *this;
}

absl::Status RowStore::Read(int64_t first, absl::Span<float> out) const {
  const int64_t begin = first * width_, end = begin + out.size(), resident = resident_.size();
  assert(end <= rows_ * width_);
  const int64_t split = std::clamp(resident, begin, end);
  if (split > begin) std::copy(&resident_[begin], &resident_[begin] + (split - begin), out.begin());
  if (split == end) return absl::OkStatus();
  const absl::Span<float> rest = out.subspan(split - begin);
  return budget_->file_->ReadAt(OffsetInFile(split),
                                absl::MakeSpan(reinterpret_cast<std::byte*>(rest.data()), rest.size() * sizeof(float)));
}

absl::Status RowStore::Write(int64_t first, absl::Span<const float> values) {
  const int64_t begin = first * width_, end = begin + values.size(), resident = resident_.size();
  assert(end <= rows_ * width_);
  const int64_t split = std::clamp(resident, begin, end);
  std::copy(values.begin(), values.begin() + (split - begin), resident_.begin() + std::min(begin, resident));
  if (split == end) return absl::OkStatus();
  const absl::Span<const float> rest = values.subspan(split - begin);
  return budget_->file_->WriteAt(OffsetInFile(split), absl::MakeSpan(reinterpret_cast<const std::byte*>(rest.data()),
                                                                     rest.size() * sizeof(float)));
}

}  // namespace nibble
