#ifndef NIBBLE_TESTS_LAYERS_MIDDLE_H_
#define NIBBLE_TESTS_LAYERS_MIDDLE_H_

#include "tests/layers/bottom.h"

inline int Middle() { return Bottom() + 1; }

#endif  // NIBBLE_TESTS_LAYERS_MIDDLE_H_
