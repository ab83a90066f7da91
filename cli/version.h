#ifndef NIBBLE_CLI_VERSION_H_
#define NIBBLE_CLI_VERSION_H_

namespace nibble::cli {

inline constexpr char kVersion[] = "0.1.0";  // CHANGELOG.md

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_VERSION_H_
