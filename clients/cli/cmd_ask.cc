// precis ask QUESTION: a streamed answer with citations and a receipt.
#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/receipt.h"
#include "cli/terminal.h"

namespace precis::cli {
namespace {

struct Flags {
  std::vector<std::string> questions;
  std::string collection = "default", model;
  std::vector<std::string> capsules;
  SearchFlags search;
  CompressionFlags compression;
  int max_tokens = 0;
  double temperature = 0;
  uint64_t seed = 0;
  bool no_cache = false, show_context = false, always = false;
};

v1::AskRequest MakeRequest(const Globals& globals, const Flags& flags, const std::string& first) {
  v1::AskRequest request;
  request.set_tenant(globals.tenant);
  request.set_collection(flags.collection);
  request.set_question(first);
  for (size_t i = 1; i < flags.questions.size(); ++i) request.add_further_questions(flags.questions[i]);
  request.set_generator_model(flags.model);
  for (const std::string& capsule : flags.capsules) request.add_capsules(capsule);
  request.set_max_answer_tokens(flags.max_tokens);
  if (flags.temperature > 0) {
    request.mutable_sampling()->set_temperature(static_cast<float>(flags.temperature));
    request.mutable_sampling()->set_seed(flags.seed);
  }
  if (flags.no_cache) request.set_cache_policy(v1::CACHE_POLICY_BYPASS);
  request.set_answer_always(flags.always);
  request.set_include_context(flags.show_context || globals.json);
  return request;
}

// Prints the events for a person as they come, and the sources at the end.
class Printer {
 public:
  explicit Printer(const Flags& flags) : flags_(flags) {}

  void Take(const v1::AskResponse& event) {
    switch (event.event_case()) {
      case v1::AskResponse::kDelta:
        Delta(event.delta());
        break;
      case v1::AskResponse::kCitation:
        Remember(event.citation());
        break;
      case v1::AskResponse::kUnsupported:
        unsupported_.push_back(event.unsupported());
        break;
      case v1::AskResponse::kReceipt:
        receipt_ = event.receipt();
        break;
      case v1::AskResponse::kUsage:
        usage_ = event.usage();
        break;
      default:
        break;
    }
  }

  void Finish() {
    std::printf("\n\n");
    Sources();
    Unsupported();
    if (receipt_.has_receipt()) PrintReceipt(receipt_.receipt());
    const auto& tokens = usage_.tokens();
    std::printf("%s  prompt %s tokens (%s from the prefix cache), answer %s; first token %s, total %s\n",
                Styled("Usage", Style::kBold, STDOUT_FILENO).c_str(), WithThousands(tokens.prompt_tokens()).c_str(),
                WithThousands(tokens.cached_prompt_tokens()).c_str(), WithThousands(tokens.completion_tokens()).c_str(),
                HumanDuration(static_cast<double>(usage_.time_to_first_token_us()) * 1e-6).c_str(),
                HumanDuration(static_cast<double>(usage_.total_us()) * 1e-6).c_str());
    for (const auto& note : usage_.notes()) {
      std::printf("  %s %s\n", Styled("note", Style::kYellow, STDOUT_FILENO).c_str(), OneLine(note, 300).c_str());
    }
    if (flags_.show_context) {
      std::printf("\n%s\n%s\n", Styled("Context", Style::kBold, STDOUT_FILENO).c_str(),
                  Printable(receipt_.context().text()).c_str());
    }
  }

 private:
  void Delta(const v1::AnswerDelta& delta) {
    if (delta.question_index() != question_ && flags_.questions.size() > 1) {
      question_ = delta.question_index();
      const auto index = static_cast<size_t>(question_);
      std::printf("%s%s\n", answers_.empty() ? "" : "\n\n",
                  Styled(index < flags_.questions.size() ? Printable(flags_.questions[index]) : "?", Style::kBold,
                         STDOUT_FILENO)
                      .c_str());
    }
    answers_[delta.question_index()] += delta.text();
    std::printf("%s", Printable(delta.text()).c_str());
    std::fflush(stdout);
  }

  void Remember(const v1::Citation& citation) { citations_.push_back(citation); }

  // A line for each place, however many sentences it supports.
  void Sources() {
    if (citations_.empty()) return;
    std::printf("%s\n", Styled("Sources", Style::kBold, STDOUT_FILENO).c_str());
    std::map<std::pair<int, std::string>, std::vector<const v1::Citation*>> places;
    std::vector<const v1::Citation*> firsts;  // in the order of the answers
    for (const auto& citation : citations_) {
      auto& cited = places[{citation.passage_index(), Place(citation.uri(), citation.location())}];
      if (cited.empty()) firsts.push_back(&citation);
      cited.push_back(&citation);
    }
    for (const v1::Citation* first : firsts) {
      const std::string place = Place(first->uri(), first->location());
      const size_t more = places[{first->passage_index(), place}].size() - 1;
      std::string what = "for: " + OneLine(AnswerText(first->question_index(), first->answer_range()), 60);
      if (more > 0) what += " (and " + Counted(static_cast<int64_t>(more), "more sentence") + ")";
      std::printf("  %s %s  %s\n",
                  Styled("[" + std::to_string(first->passage_index() + 1) + "]", Style::kGreen, STDOUT_FILENO).c_str(),
                  Styled(place, Style::kCyan, STDOUT_FILENO).c_str(), Styled(what, Style::kDim, STDOUT_FILENO).c_str());
    }
  }

  void Unsupported() {
    for (const auto& sentence : unsupported_) {
      std::printf("  %s %s\n", Styled("[unsupported]", Style::kYellow, STDOUT_FILENO).c_str(),
                  OneLine(AnswerText(sentence.question_index(), sentence.answer_range()), 80).c_str());
    }
  }

  std::string AnswerText(int question, const v1::ByteRange& range) {
    const std::string& answer = answers_[question];
    if (range.begin() < 0 || range.end() < range.begin() || range.end() > static_cast<int64_t>(answer.size()))
      return "";
    return answer.substr(static_cast<size_t>(range.begin()), static_cast<size_t>(range.end() - range.begin()));
  }

  const Flags& flags_;
  int question_ = -1;
  std::map<int, std::string> answers_;
  std::vector<v1::Citation> citations_;
  std::vector<v1::UnsupportedSentence> unsupported_;
  v1::AskReceipt receipt_;
  v1::AskUsage usage_;
};

int RunAsk(const Globals& globals, const Flags& flags) {
  const auto first = ReadTextArgument(flags.questions[0]);
  if (!first.ok()) return Fail(globals, std::string(first.status().message()), kExitFailed);
  v1::AskRequest request = MakeRequest(globals, flags, *first);
  absl::Status status = flags.search.Fill(request.mutable_search());
  if (status.ok()) status = flags.compression.Fill(request.mutable_compression());
  if (!status.ok()) return Fail(globals, std::string(status.message()), kExitUsage);
  Client client(globals);
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  auto stream = client.pipeline->Ask(context.get(), request);
  Printer printer(flags);
  v1::AskResponse event;
  bool any = false;
  while (stream->Read(&event)) {
    any = true;
    if (globals.json) {
      PrintJson(event);
    } else {
      printer.Take(event);
    }
  }
  const grpc::Status finished = stream->Finish();
  if (!finished.ok()) {
    if (any && !globals.json) std::printf("\n");
    return Fail(globals, finished);
  }
  if (!globals.json) printer.Finish();
  return kExitOk;
}

}  // namespace

void AddAsk(CLI::App& app, const Globals& globals, Run* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("ask", "Answer a question from a collection, with citations and a receipt");
  command
      ->add_option("questions", flags->questions,
                   "The question (@FILE or - reads it); further ones are answered from the same context")
      ->required();
  command->add_option("-c,--collection", flags->collection, "Collection")->capture_default_str();
  command
      ->add_option("--capsule", flags->capsules,
                   "Put this capsule before the passages (see 'precis capsule'); may be given several times")
      ->allow_extra_args(false);
  command->add_option("--model", flags->model, "Generator (default: the server's)");
  flags->search.Add(command);
  flags->compression.Add(command);
  command->add_option("--max-tokens", flags->max_tokens, "Tokens of each answer at most (default: the server's)");
  command->add_option("--temperature", flags->temperature, "0 (default): the most likely token each time")
      ->check(CLI::Range(0.0, 10.0));
  command->add_option("--seed", flags->seed, "Same seed, same answer");
  command->add_flag("--no-cache", flags->no_cache, "Use no cache");
  command->add_flag("--always", flags->always, "Answer even if the passages do not hold the answer");
  command->add_flag("--show-context", flags->show_context, "Print the compressed context too");
  command->callback([&globals, flags, run] { *run = [&globals, flags] { return RunAsk(globals, *flags); }; });
}

}  // namespace precis::cli
