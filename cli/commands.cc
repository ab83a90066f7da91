#include "cli/command.h"

namespace nibble::cli {

absl::Span<const Command> Commands() {
  static constexpr char kMake[] = "Make a model";
  static constexpr char kJudge[] = "Judge it";
  static constexpr char kUse[] = "Look at it, and use it";
  static constexpr Command kCommands[] = {
      {kMake, "quantize", "Make a small model out of a large one.",
       "nibble quantize Llama-3.1-8B/ -o llama-Q4_K_M.gguf --type Q4_K_M\n"
       "nibble quantize Llama-3.1-8B/ -o llama-8GB.gguf --fit 8GB --context 8192\n"
       "nibble quantize Llama-3.1-8B/ -o llama-MXFP4.gguf --type MXFP4 --calibration-text corpus.txt\n"
       "nibble quantize Llama-3.1-8B/ -o Llama-3.1-8B-INT4/ --type INT4_G128    # for vLLM, transformers",
       DefineQuantize, /*shares_work=*/true},
      {kMake, "plan", "What quantize would write with the same options, tensor by tensor; writes nothing.",
       "nibble plan Llama-3.1-8B/ --type Q4_K_M\n"
       "nibble plan Llama-3.1-8B/ --fit 16GB --context 8192 --json",
       DefinePlan},
      {kMake, "convert", "Change the container to GGUF without loss.",
       "nibble convert Llama-3.1-8B/ -o llama.gguf\n"
       "nibble convert Llama-3.1-8B/ -o llama-bf16.gguf --dtype bf16",
       DefineConvert, /*shares_work=*/true},
      {kMake, "calibrate",
       "Measure what a model's weights are multiplied with on a text: an importance matrix, in llama.cpp's form.",
       "nibble calibrate Llama-3.1-8B/ --text corpus.txt -o imatrix.gguf", DefineCalibrate, /*shares_work=*/true},
      {kJudge, "verify", "Measure how close models are to their original.",
       "nibble verify Llama-3.1-8B/ llama-Q4_K_M.gguf --text wiki.test.raw --chunks 40\n"
       "nibble verify Llama-3.1-8B/ a.gguf b.gguf --text wiki.test.raw --report report.html\n"
       "nibble verify Llama-3.1-8B/ a.gguf --text wiki.test.raw --max-kld 0.05 && echo good enough",
       DefineVerify, /*shares_work=*/true},
      {kJudge, "check", "Whether files are whole: structure, values, and the bytes that their manifest tells of.",
       "nibble check llama-Q4_K_M.gguf\n"
       "nibble check llama-Q4_K_M.gguf --source Llama-3.1-8B/    # make it again, and compare",
       DefineCheck},
      {kJudge, "diff", "In which tensors and keys two models differ.",
       "nibble diff llama-Q4_K_M.gguf other-Q4_K_M.gguf", DefineDiff},
      {kUse, "inspect", "What a model is, and what it would weigh in each type.",
       "nibble inspect Llama-3.1-8B/\n"
       "nibble inspect llama-Q4_K_M.gguf --tensors --json",
       DefineInspect},
      {kUse, "run", "Continue a text.", "nibble run llama-Q4_K_M.gguf -p 'Once upon a time' -n 64", DefineRun},
      {kUse, "tokenize", "Token ids of a text.", "nibble tokenize Llama-3.1-8B/ --text 'Once upon a time' --json",
       DefineTokenize},
      {kUse, "logits", "Logits and hidden states of given token ids.",
       "nibble logits Llama-3.1-8B/ --ids ids.safetensors -o logits.safetensors --hidden", DefineLogits},
      {kUse, "completion", "A shell's completion of this command line.",
       "nibble completion bash > ~/.local/share/bash-completion/completions/nibble", DefineCompletion},
  };
  return kCommands;
}

}  // namespace nibble::cli
