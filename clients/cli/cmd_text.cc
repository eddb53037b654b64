// precis split, embed, tokens, generate: the engine's single steps, each on a text.
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"

namespace precis::cli {
namespace {

struct SplitFlags {
  std::string input, mode = "auto", language, model;
  int max_tokens = 0, overlap = -1;
};

int RunSplit(const Globals& globals, const SplitFlags& flags) {
  const auto text = ReadTextArgument(flags.input == "-" ? "-" : "@" + flags.input);
  if (!text.ok()) return Fail(globals, std::string(text.status().message()), kExitFailed);
  v1::SplitRequest request;
  request.set_tenant(globals.tenant);
  request.set_text(*text);
  request.set_language(flags.language);
  request.set_tokenizer_model(flags.model);
  request.set_include_text(true);
  if (flags.mode == "prose") request.set_mode(v1::SPLIT_MODE_PROSE);
  if (flags.mode == "markdown") request.set_mode(v1::SPLIT_MODE_MARKDOWN);
  if (flags.mode == "code") request.set_mode(v1::SPLIT_MODE_CODE_LINES);
  if (flags.mode == "sea") request.set_mode(v1::SPLIT_MODE_SEA);
  if (flags.mode == "auto") {
    const bool markdown = flags.input.size() > 3 && flags.input.compare(flags.input.size() - 3, 3, ".md") == 0;
    request.set_media_type(markdown ? "text/markdown" : "");
  }
  request.mutable_parameters()->set_max_tokens(flags.max_tokens);
  if (flags.overlap >= 0) request.mutable_parameters()->set_overlap_tokens(flags.overlap);
  Client client(globals);
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  v1::SplitResponse response;
  if (const grpc::Status status = client.splitting->Split(context.get(), request, &response); !status.ok()) {
    return Fail(globals, status);
  }
  if (globals.json) {
    PrintJson(response);
    return kExitOk;
  }
  Table table({"bytes", "tokens", "headings", "text"});
  for (const auto& piece : response.pieces()) {
    std::string headings;
    for (const auto& part : piece.heading_path()) headings += (headings.empty() ? "" : " > ") + OneLine(part, 30);
    table.AddRow({std::to_string(piece.range().begin()) + "-" + std::to_string(piece.range().end()),
                  std::to_string(piece.token_count()), headings, OneLine(piece.text(), 200)});
  }
  table.Print();
  for (const auto& warning : response.warnings()) std::printf("note: %s\n", OneLine(warning, 300).c_str());
  return kExitOk;
}

struct EmbedFlags {
  std::vector<std::string> texts;
  std::string model, role = "plain", long_input = "error";
};

int RunEmbed(const Globals& globals, const EmbedFlags& flags) {
  v1::EmbedRequest request;
  request.set_model(flags.model);
  request.set_long_input_policy(flags.long_input == "truncate" ? v1::LONG_INPUT_POLICY_TRUNCATE
                                : flags.long_input == "pool"   ? v1::LONG_INPUT_POLICY_SPLIT_AND_POOL
                                                               : v1::LONG_INPUT_POLICY_ERROR);
  uint64_t id = 0;
  for (const std::string& argument : flags.texts) {
    const auto text = ReadTextArgument(argument);
    if (!text.ok()) return Fail(globals, std::string(text.status().message()), kExitFailed);
    v1::EmbedItem* item = request.add_items();
    item->set_id(id++);
    item->set_text(*text);
    item->set_role(flags.role == "query"      ? v1::EMBED_ROLE_QUERY
                   : flags.role == "document" ? v1::EMBED_ROLE_DOCUMENT
                                              : v1::EMBED_ROLE_PLAIN);
  }
  Client client(globals);
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  auto stream = client.embedding->Embed(context.get());
  const bool written = stream->Write(request);
  stream->WritesDone();
  v1::EmbedResponse response;
  int failed = 0;
  while (written && stream->Read(&response)) {
    for (const auto& result : response.results()) {
      if (result.has_error()) {
        ++failed;
        Fail(globals, "text " + std::to_string(result.id()) + ": " + result.error().message(), kExitFailed);
        continue;
      }
      if (globals.json) {
        PrintJson(result);
        continue;
      }
      std::printf("%s  %d dimensions, %s of %s tokens%s\n ",
                  Styled("text " + std::to_string(result.id()), Style::kBold, STDOUT_FILENO).c_str(),
                  result.values_size(), WithThousands(result.tokens_used()).c_str(),
                  WithThousands(result.tokens_total()).c_str(),
                  result.truncated() ? Styled(" TRUNCATED", Style::kYellow, STDOUT_FILENO).c_str() : "");
      for (int i = 0; i < std::min(result.values_size(), 8); ++i) std::printf(" %.5f", result.values(i));
      std::printf(" ... (--json prints all)\n");
    }
  }
  if (const grpc::Status status = stream->Finish(); !status.ok()) return Fail(globals, status);
  if (failed == 0) return kExitOk;
  return failed < static_cast<int>(flags.texts.size()) ? kExitPartlyFailed : kExitFailed;
}

struct TokensFlags {
  std::string text, model;
  bool show = false, special = false;
};

int RunTokens(const Globals& globals, const TokensFlags& flags) {
  const auto text = ReadTextArgument(flags.text);
  if (!text.ok()) return Fail(globals, std::string(text.status().message()), kExitFailed);
  v1::TokenizeRequest request;
  request.set_model(flags.model);
  request.set_text(*text);
  request.set_include_tokens(flags.show || globals.json);
  request.set_parse_special_tokens(flags.special);
  Client client(globals);
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  v1::TokenizeResponse response;
  if (const grpc::Status status = client.generation->Tokenize(context.get(), request, &response); !status.ok()) {
    return Fail(globals, status);
  }
  if (globals.json) {
    PrintJson(response);
    return kExitOk;
  }
  if (flags.show) {
    for (const auto& token : response.tokens()) {
      const auto& range = token.range();
      std::printf("%8d  %s\n", token.id(),
                  Printable(std::string_view(*text).substr(static_cast<size_t>(range.begin()),
                                                           static_cast<size_t>(range.end() - range.begin())))
                      .c_str());
    }
  }
  std::printf("%s (%s), %s bytes\n", Counted(response.token_count(), "token").c_str(),
              OneLine(response.model(), 60).c_str(), WithThousands(static_cast<int64_t>(text->size())).c_str());
  return kExitOk;
}

struct GenerateFlags {
  std::string prompt, system, model;
  std::vector<std::string> stop;
  int max_tokens = 256, top_k = 0;
  double temperature = 0, top_p = 1, min_p = 0;
  uint64_t seed = 0;
  bool raw = false;
};

int RunGenerate(const Globals& globals, const GenerateFlags& flags) {
  const auto prompt = ReadTextArgument(flags.prompt);
  if (!prompt.ok()) return Fail(globals, std::string(prompt.status().message()), kExitFailed);
  v1::GenerateRequest request;
  request.set_tenant(globals.tenant);
  request.set_model(flags.model);
  request.set_max_tokens(flags.max_tokens);
  for (const auto& stop : flags.stop) request.add_stop_strings(stop);
  if (flags.raw) {
    request.set_prompt(*prompt);
  } else {
    if (!flags.system.empty()) {
      auto* system = request.mutable_chat()->add_messages();
      system->set_role(v1::CHAT_ROLE_SYSTEM);
      system->set_content(flags.system);
    }
    auto* user = request.mutable_chat()->add_messages();
    user->set_role(v1::CHAT_ROLE_USER);
    user->set_content(*prompt);
  }
  auto* sampling = request.mutable_sampling();
  sampling->set_temperature(static_cast<float>(flags.temperature));
  if (flags.temperature > 0) {
    sampling->set_top_k(flags.top_k);
    sampling->set_top_p(static_cast<float>(flags.top_p));
    sampling->set_min_p(static_cast<float>(flags.min_p));
    sampling->set_seed(flags.seed);
  }
  Client client(globals);
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  auto stream = client.generation->Generate(context.get(), request);
  v1::GenerateResponse event;
  v1::GenerateDone done;
  bool any = false;
  while (stream->Read(&event)) {
    any = true;
    if (globals.json) {
      PrintJson(event);
    } else if (event.has_delta()) {
      std::printf("%s", Printable(event.delta().text()).c_str());
      std::fflush(stdout);
    }
    if (event.has_done()) done = event.done();
  }
  if (any && !globals.json) std::printf("\n");
  std::fflush(stdout);  // before what goes to standard error
  if (const grpc::Status status = stream->Finish(); !status.ok()) return Fail(globals, status);
  if (!globals.json) {
    const double decode = static_cast<double>(done.timings().decode_us()) * 1e-6;
    std::fprintf(stderr, "%s prompt %s tokens (%s cached) in %s, answer %s tokens at %.1f tokens/s%s\n",
                 Styled(done.model(), Style::kDim, STDERR_FILENO).c_str(),
                 WithThousands(done.usage().prompt_tokens()).c_str(),
                 WithThousands(done.usage().cached_prompt_tokens()).c_str(),
                 HumanDuration(static_cast<double>(done.timings().prefill_us()) * 1e-6).c_str(),
                 WithThousands(done.usage().completion_tokens()).c_str(),
                 decode > 0 ? static_cast<double>(done.usage().completion_tokens()) / decode : 0.0,
                 done.finish_reason() == v1::FINISH_REASON_LENGTH ? "; cut by --max-tokens" : "");
  }
  return kExitOk;
}

}  // namespace

void AddSplit(CLI::App& app, const Globals& globals, Run* run) {
  auto flags = std::make_shared<SplitFlags>();
  CLI::App* command = app.add_subcommand("split", "Show how a file would be split into chunks");
  command->add_option("file", flags->input, "The file; - reads standard input")->required();
  command->add_option("--mode", flags->mode, "auto, prose, markdown, code or sea")
      ->check(CLI::IsMember({"auto", "prose", "markdown", "code", "sea"}))
      ->capture_default_str();
  command->add_option("--language", flags->language, "Programming language");
  command->add_option("--max-tokens", flags->max_tokens, "Tokens of a chunk at most (default: the server's)");
  command->add_option("--overlap", flags->overlap, "Tokens that neighbours share at most");
  command->add_option("--model", flags->model, "Encoder whose tokenizer counts (default: the server's)");
  command->callback([&globals, flags, run] { *run = [&globals, flags] { return RunSplit(globals, *flags); }; });
}

void AddEmbed(CLI::App& app, const Globals& globals, Run* run) {
  auto flags = std::make_shared<EmbedFlags>();
  CLI::App* command = app.add_subcommand("embed", "Embed texts");
  command->add_option("texts", flags->texts, "Texts; @FILE or - reads one")->required();
  command->add_option("--model", flags->model, "Encoder, NAME or NAME@int8-v1 (default: the server's)");
  command->add_option("--role", flags->role, "query, document or plain")
      ->check(CLI::IsMember({"query", "document", "plain"}))
      ->capture_default_str();
  command->add_option("--long", flags->long_input, "Texts longer than the window: error, truncate or pool")
      ->check(CLI::IsMember({"error", "truncate", "pool"}))
      ->capture_default_str();
  command->callback([&globals, flags, run] { *run = [&globals, flags] { return RunEmbed(globals, *flags); }; });
}

void AddTokens(CLI::App& app, const Globals& globals, Run* run) {
  auto flags = std::make_shared<TokensFlags>();
  CLI::App* command = app.add_subcommand("tokens", "Count tokens as a model does");
  command->add_option("text", flags->text, "The text; @FILE or - reads it")->required();
  command->add_option("--model", flags->model, "Generator or encoder (default: the server's generator)");
  command->add_flag("--show", flags->show, "Print each token");
  command->add_flag("--special", flags->special, "Text that spells a special token is that token");
  command->callback([&globals, flags, run] { *run = [&globals, flags] { return RunTokens(globals, *flags); }; });
}

void AddGenerate(CLI::App& app, const Globals& globals, Run* run) {
  auto flags = std::make_shared<GenerateFlags>();
  CLI::App* command = app.add_subcommand("generate", "Generate text without retrieval");
  command->add_option("prompt", flags->prompt, "The prompt; @FILE or - reads it")->required();
  command->add_option("--system", flags->system, "System message");
  command->add_flag("--raw", flags->raw, "Send the prompt as it is, without chat template");
  command->add_option("--model", flags->model, "Generator (default: the server's)");
  command->add_option("--max-tokens", flags->max_tokens, "Tokens at most")->capture_default_str();
  command->add_option("--stop", flags->stop, "End before this text; may be repeated");
  command->add_option("--temperature", flags->temperature, "0 (default): greedy")->check(CLI::Range(0.0, 10.0));
  command->add_option("--top-k", flags->top_k, "Of the k most likely tokens only; 0: off");
  command->add_option("--top-p", flags->top_p, "Of the most likely tokens with this probability together");
  command->add_option("--min-p", flags->min_p, "Of the tokens with at least this share of the best one's probability");
  command->add_option("--seed", flags->seed, "Same seed, same text");
  command->callback([&globals, flags, run] { *run = [&globals, flags] { return RunGenerate(globals, *flags); }; });
}

}  // namespace precis::cli
