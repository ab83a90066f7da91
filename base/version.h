#ifndef NIBBLE_BASE_VERSION_H_
#define NIBBLE_BASE_VERSION_H_

namespace nibble {

inline constexpr char kVersion[] = "0.1.0";  // CHANGELOG.md

}  // namespace nibble

#endif  // NIBBLE_BASE_VERSION_H_
