// A panel of rows that one thread takes through all columns, transposed, so that every step works on all its rows side
// by side.
#ifndef NIBBLE_DEVICE_CPU_COLUMN_PANEL_H_
#define NIBBLE_DEVICE_CPU_COLUMN_PANEL_H_

#include <cstdint>

namespace nibble::cpu {

inline constexpr int64_t kPanelRows = 64;

// The level nearest to each row's target, the first of equally near ones: levels [codes, kPanelRows].
void Nearest(const float* levels, int64_t codes, const float* target, float* nearest, int32_t* code);

// sum += error * factor
void AddScaled(const float* error, float factor, float* sum);

}  // namespace nibble::cpu

#endif  // NIBBLE_DEVICE_CPU_COLUMN_PANEL_H_
