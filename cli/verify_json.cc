#include "cli/verify_json.h"

#include <cstddef>
#include <cstdint>

#include "cli/device_report.h"
#include "cli/json_writer.h"

namespace nibble::cli {
namespace {

template <typename Message>
struct NumberField {
  const char* name;
  double (Message::*get)() const;
};

constexpr NumberField<Candidate> kCandidateFields[] = {
    {"ppl", &Candidate::ppl},
    {"ppl_se", &Candidate::ppl_se},
    {"ppl_ratio", &Candidate::ppl_ratio},
    {"ppl_ratio_se", &Candidate::ppl_ratio_se},
    {"ppl_difference", &Candidate::ppl_difference},
    {"ppl_difference_se", &Candidate::ppl_difference_se},
    {"ln_ppl_ratio", &Candidate::ln_ppl_ratio},
    {"ln_ppl_ratio_se", &Candidate::ln_ppl_ratio_se},
    {"ln_ppl_correlation", &Candidate::ln_ppl_correlation},
    {"top1", &Candidate::top1},
    {"top1_se", &Candidate::top1_se},
    {"delta_p_rms", &Candidate::delta_p_rms},
    {"delta_p_rms_se", &Candidate::delta_p_rms_se},
};

constexpr NumberField<Distribution> kDistributionFields[] = {
    {"mean", &Distribution::mean}, {"se", &Distribution::se},   {"median", &Distribution::median},
    {"min", &Distribution::min},   {"max", &Distribution::max}, {"p999", &Distribution::p999},
    {"p99", &Distribution::p99},   {"p95", &Distribution::p95}, {"p90", &Distribution::p90},
    {"p75", &Distribution::p75},   {"p25", &Distribution::p25}, {"p10", &Distribution::p10},
    {"p05", &Distribution::p05},   {"p01", &Distribution::p01}, {"p001", &Distribution::p001},
};

template <typename Message, size_t N>
void WriteFields(const Message& message, const NumberField<Message> (&fields)[N], JsonWriter& json) {
  for (const NumberField<Message>& field : fields) json.Key(field.name).Number((message.*field.get)());
}

void WriteDistribution(const char* key, const Distribution& distribution, JsonWriter& json) {
  json.Key(key).BeginObject();
  WriteFields(distribution, kDistributionFields, json);
  json.EndObject();
}

// A list of objects, one per message.
template <typename Messages, typename Write>
void WriteObjects(const char* key, const Messages& messages, JsonWriter& json, Write write) {
  json.Key(key).BeginArray();
  for (const auto& message : messages) {
    json.BeginObject();
    write(message);
    json.EndObject();
  }
  json.EndArray();
}

void WriteTensor(const TensorFigures& tensor, JsonWriter& json) {
  json.Key("name").String(tensor.name());
  json.Key("role").String(tensor.role());
  if (tensor.layer() >= 0) json.Key("layer").Number(static_cast<uint64_t>(tensor.layer()));
  json.Key("type").String(tensor.type());
  json.Key("elements").Number(tensor.elements());
  json.Key("bytes").Number(tensor.bytes());
  json.Key("bits_per_weight").Number(tensor.bits_per_weight());
  if (tensor.has_relative_error()) json.Key("relative_error").Number(tensor.relative_error());
}

void WriteWorstToken(const WorstToken& token, JsonWriter& json) {
  const auto write_choice = [&](const LikelyToken& choice) {
    json.Key("text").String(choice.text());
    json.Key("p").Number(choice.p());
  };
  json.Key("window").Number(token.window());
  json.Key("position").Number(token.position());
  json.Key("kld").Number(token.kld());
  json.Key("before").String(token.before());
  json.Key("actual").String(token.actual());
  json.Key("after").String(token.after());
  json.Key("reference_p").Number(token.reference_p());
  json.Key("candidate_p").Number(token.candidate_p());
  WriteObjects("reference_choices", token.reference_choices(), json, write_choice);
  WriteObjects("candidate_choices", token.candidate_choices(), json, write_choice);
}

void WriteDetails(const Candidate& candidate, JsonWriter& json) {
  json.Key("bits_per_weight").Number(candidate.bits_per_weight());
  WriteObjects("types", candidate.types(), json, [&](const TypeUse& use) {
    json.Key("type").String(use.type());
    json.Key("tensors").Number(use.tensors());
    json.Key("bytes").Number(use.bytes());
  });
  json.Key("has_other_basis").Bool(candidate.has_other_basis());
  WriteObjects("tensors", candidate.tensors(), json, [&](const TensorFigures& t) { WriteTensor(t, json); });
  WriteObjects("worst_tokens", candidate.worst_tokens(), json, [&](const WorstToken& t) { WriteWorstToken(t, json); });
}

// The members of a candidate's object, without its braces.
void WriteCandidate(const Candidate& candidate, JsonWriter& json) {
  json.Key("path").String(candidate.path());
  json.Key("bytes").Number(candidate.bytes());
  json.Key("memory_bytes").Number(candidate.memory_bytes());
  WriteFields(candidate, kCandidateFields, json);
  WriteDistribution("kld", candidate.kld(), json);
  json.Key("kld_windows").BeginArray();
  for (const double mean : candidate.kld_windows()) json.Number(mean);
  json.EndArray();
  WriteObjects("kld_histogram", candidate.kld_histogram(), json, [&](const HistogramBin& bin) {
    json.Key("from").Number(bin.from());
    json.Key("positions").Number(bin.positions());
  });
  WriteDistribution("delta_p", candidate.delta_p(), json);
  WriteObjects("layers", candidate.layers(), json, [&](const LayerError& layer) {
    json.Key("layer").Number(uint64_t{layer.layer()});
    json.Key("relative_error").Number(layer.relative_error());
    json.Key("cosine").Number(layer.cosine());
  });
  WriteDetails(candidate, json);
}

void WriteKnownTypes(const VerifyReport& report, JsonWriter& json) {
  WriteObjects("known_types", report.known_types(), json, [&](const KnownType& known) {
    json.Key("type").String(known.type());
    json.Key("model").String(known.model());
    json.Key("bits_per_weight").Number(known.bits_per_weight());
    json.Key("kld").Number(known.kld());
    json.Key("ppl_ratio").Number(known.ppl_ratio());
    if (known.has_top1()) json.Key("top1").Number(known.top1());
  });
}

}  // namespace

std::string VerifyJson(const VerifyReport& report) {
  JsonWriter json;
  json.BeginObject();
  json.Key("device").String(report.device());
  json.Key("reference").String(report.reference());
  json.Key("tokens").Number(report.tokens());
  json.Key("windows").Number(report.windows());
  json.Key("window_tokens").Number(report.window_tokens());
  json.Key("ppl_reference").Number(report.ppl_reference());
  json.Key("ppl_reference_se").Number(report.ppl_reference_se());
  json.Key("reference_bytes").Number(report.reference_bytes());
  json.Key("context").Number(report.context());
  json.Key("cache_bytes").Number(report.cache_bytes());
  json.Key("buffer_bytes").Number(report.buffer_bytes());
  json.Key("seconds").Number(report.seconds());
  WriteDeviceUse(report.device_use(), json);
  WriteObjects("candidates", report.candidates(), json, [&](const Candidate& c) { WriteCandidate(c, json); });
  WriteKnownTypes(report, json);
  if (report.candidates_size() == 1) WriteCandidate(report.candidates(0), json);
  json.EndObject();
  return json.Take();
}

}  // namespace nibble::cli
