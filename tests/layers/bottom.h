#ifndef NIBBLE_TESTS_LAYERS_BOTTOM_H_
#define NIBBLE_TESTS_LAYERS_BOTTOM_H_

inline int Bottom() { return 1; }

#endif  // NIBBLE_TESTS_LAYERS_BOTTOM_H_
