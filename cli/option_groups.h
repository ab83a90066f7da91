// The headings under which --help lists options.
#ifndef NIBBLE_CLI_OPTION_GROUPS_H_
#define NIBBLE_CLI_OPTION_GROUPS_H_

#include "CLI/CLI.hpp"

namespace nibble::cli {

inline constexpr char kOutputGroup[] = "Output";
inline constexpr char kTypesGroup[] = "Types";
inline constexpr char kMethodGroup[] = "Method";
inline constexpr char kCalibrationGroup[] = "Calibration";
inline constexpr char kTextGroup[] = "Text";
inline constexpr char kThresholdsGroup[] = "Thresholds";
inline constexpr char kRecipesGroup[] = "Recipes";
inline constexpr char kResourcesGroup[] = "Resources";
inline constexpr char kEverywhereGroup[] = "Everywhere";

// What is added from here on stands under `heading`.
inline void StartGroup(CLI::App& app, const char* heading) { app.option_defaults()->group(heading); }

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_OPTION_GROUPS_H_
