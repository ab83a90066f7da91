// Devices that send floats to one another, from memory to memory, without the host's between.
//
//   DeviceLinker* linker = device.linker();            // null: this kind of device has nothing to gain
//   NIBBLE_ASSIGN_OR_RETURN(const LinkPlace place, linker->Place());
//   ... all devices with one reach: the first one's linker->NewKey() goes to all ...
//   NIBBLE_ASSIGN_OR_RETURN(auto link, linker->Join({.key = key, .count = 4, .place = 2}, given_up));
//   NIBBLE_RETURN_IF_ERROR(link->Exchange(out, in, given_up));
#ifndef NIBBLE_DEVICE_DEVICE_LINK_H_
#define NIBBLE_DEVICE_DEVICE_LINK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace nibble {

// Asked while something waits for others; once it says yes, the wait ends with kCancelled, and the link is of no use
// any more.
using GivenUp = absl::FunctionRef<bool()>;

// Floats in a device's memory that go to a peer, or come from it. `data` of what goes is only read.
struct LinkPiece {
  int peer = 0;  // its place; a device may send to itself
  float* data = nullptr;
  int64_t size = 0;
};

// Used by the thread that asks for its device's operations. Outlived by the device. When it ends, none of its peers may
// be in an exchange with it.
class DeviceLink {
 public:
  virtual ~DeviceLink() = default;
  virtual int count() const = 0;
  virtual int place() const = 0;  // 0 ... count() - 1

  // Collective: what `out` has for a peer is what `in` has of it there, in this order and of these sizes. Behind the
  // operations before it; complete when it returns. kAborted: a peer or the connection is lost.
  virtual absl::Status Exchange(absl::Span<const LinkPiece> out, absl::Span<const LinkPiece> in, GivenUp given_up) = 0;
};

// Where a device is. Those of one reach can be linked, if no two of them are one device.
struct LinkPlace {
  std::string library;  // "NCCL 2.28.9"
  std::string reach;    // the library and the machine
  std::string device;   // of this reach
};

struct LinkMember {
  std::string key;
  int count = 1;
  int place = 0;
};

class DeviceLinker {
 public:
  virtual ~DeviceLinker() = default;

  // kUnavailable says what is missing.
  virtual absl::StatusOr<LinkPlace> Place() = 0;
  // For one link, by one of its members.
  virtual absl::StatusOr<std::string> NewKey() = 0;
  // Collective over the members. kUnavailable: it did not start, here or with another one.
  virtual absl::StatusOr<std::unique_ptr<DeviceLink>> Join(const LinkMember& member, GivenUp given_up) = 0;
};

}  // namespace nibble

#endif  // NIBBLE_DEVICE_DEVICE_LINK_H_
