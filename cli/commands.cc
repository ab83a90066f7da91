#include "cli/command.h"

namespace nibble::cli {

absl::Span<const Command> Commands() {
  static constexpr Command kCommands[] = {
      {"inspect", "What a model is, and what it would weigh in each type", "nibble inspect Llama-3.1-8B/",
       DefineInspect},
      {"convert", "Change the container to GGUF without loss",
       "nibble convert Llama-3.1-8B/ -o llama-bf16.gguf --dtype bf16", DefineConvert},
      {"calibrate", "Measure what a model's weights are multiplied with on a text: an importance matrix",
       "nibble calibrate Llama-3.1-8B/ --text corpus.txt -o imatrix.gguf", DefineCalibrate},
      {"quantize", "Make a small model out of a large one",
       "nibble quantize Llama-3.1-8B/ -o llama-Q4_K_M.gguf --type Q4_K_M", DefineQuantize},
      {"plan", "What quantize would write, tensor by tensor", "nibble plan Llama-3.1-8B/ --type Q4_K_M", DefinePlan},
      {"verify", "Measure how close models are to their original",
       "nibble verify Llama-3.1-8B/ llama-Q4_K_M.gguf --text wiki.test.raw --chunks 40 --report report.html",
       DefineVerify},
      {"run", "Continue a text", "nibble run llama-Q4_K_M.gguf -p 'Once upon a time' -n 64", DefineRun},
      {"logits", "Logits and hidden states of given token ids",
       "nibble logits Llama-3.1-8B/ --ids ids.safetensors -o logits.safetensors --hidden", DefineLogits},
      {"tokenize", "Token ids of a text", "nibble tokenize Llama-3.1-8B/ --text 'Once upon a time' --json",
       DefineTokenize},
      {"check", "Whether files are whole: structure, values, and the bytes that their manifest tells of",
       "nibble check llama-Q4_K_M.gguf", DefineCheck},
      {"diff", "In which tensors and keys two models differ", "nibble diff llama-Q4_K_M.gguf other-Q4_K_M.gguf",
       DefineDiff},
  };
  return kCommands;
}

}  // namespace nibble::cli
