// Messages as JSON that people read, and back: members are the fields' names, in the order of their numbers; what is
// not set is left out.
//
//   {
//     "nibble": "0.1.0",
//     "recipe": {"job": "quantize", "type": "Q4_K_M"},
//     "tensors": [
//       {"name": "token_embd.weight", "sha256": "..."}
//     ]
//   }
#ifndef NIBBLE_PIPELINE_PROTO_JSON_H_
#define NIBBLE_PIPELINE_PROTO_JSON_H_

#include <string>

#include "absl/status/status.h"
#include "formats/json/json.h"
#include "google/protobuf/message.h"

namespace nibble {

// No newline at the end. The same text by every version of Protobuf. REQUIRES: no maps, enums or bytes.
std::string ProtoToJson(const google::protobuf::Message& message);

// Members that the message does not know are ignored. kDataLoss names the one that is of another kind.
absl::Status JsonToProto(const json::Value& value, google::protobuf::Message& message);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_PROTO_JSON_H_
