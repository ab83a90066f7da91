#include "tests/layers/bottom.h"  // not a direct dependency
#include "tests/layers/middle.h"

int Top() { return Middle() + Bottom(); }
