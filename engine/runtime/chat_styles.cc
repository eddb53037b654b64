#include "runtime/chat_styles.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace precis::engine {
namespace {

using Pieces = std::vector<PromptPiece>;

constexpr std::string_view kSpaces = " \t\n\v\f\r";

std::string_view TrimLeft(std::string_view text, std::string_view what) {
  const size_t begin = text.find_first_not_of(what);
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

std::string_view TrimRight(std::string_view text, std::string_view what) {
  const size_t end = text.find_last_not_of(what);
  return end == std::string_view::npos ? std::string_view() : text.substr(0, end + 1);
}

std::string Trim(std::string_view text) { return std::string(TrimLeft(TrimRight(text, kSpaces), kSpaces)); }

void Special(std::string text, Pieces* out) { out->push_back({std::move(text), true}); }
void Plain(std::string text, Pieces* out) { out->push_back({std::move(text), false}); }

// <|im_start|>ROLE\nCONTENT<|im_end|>\n. Role and content are one text, so that tokens may cross the line break as they
// do in the model's own template.
void AddChatMl(std::string_view role, std::string_view content, Pieces* out) {
  Special("<|im_start|>", out);
  Plain(absl::StrCat(std::string(role), "\n", std::string(content)), out);
  Special("<|im_end|>", out);
  Plain("\n", out);
}

void BeginChatMl(std::string text, Pieces* out) {
  Special("<|im_start|>", out);
  Plain(std::move(text), out);
}

bool HasSystem(const Messages& messages) { return messages.front().role == "system"; }

// An answer of a thinking model: thoughts stand before "</think>".
std::string_view WithoutThoughts(std::string_view content) {
  constexpr std::string_view kEnd = "</think>";
  const size_t end = content.rfind(kEnd);
  return end == std::string_view::npos ? content : TrimLeft(content.substr(end + kEnd.size()), "\n");
}

std::string_view ThoughtsOf(std::string_view content) {
  constexpr std::string_view kBegin = "<think>", kEnd = "</think>";
  const size_t end = content.find(kEnd);
  if (end == std::string_view::npos) return {};
  std::string_view thoughts = TrimRight(content.substr(0, end), "\n");
  if (const size_t begin = thoughts.rfind(kBegin); begin != std::string_view::npos) {
    thoughts.remove_prefix(begin + kBegin.size());
  }
  return TrimLeft(thoughts, "\n");
}

void AddLlama3(std::string_view role, std::string_view content, Pieces* out) {
  Special("<|start_header_id|>", out);
  Plain(std::string(role), out);
  Special("<|end_header_id|>", out);
  Plain(absl::StrCat("\n\n", std::string(content)), out);
  Special("<|eot_id|>", out);
}

void BeginLlama3(Pieces* out) {
  AddLlama3("assistant", "", out);
  out->pop_back();
}

}  // namespace

Pieces RenderChatMl(const Messages& messages, const std::string& system) {
  Pieces out;
  if (!HasSystem(messages) && !system.empty()) AddChatMl("system", system, &out);
  for (const ChatMessage& m : messages) AddChatMl(m.role, m.content, &out);
  BeginChatMl("assistant\n", &out);
  return out;
}

// Thoughts of earlier answers are left out; those after the last question are kept.
Pieces RenderQwen3(const Messages& messages, const std::string&) {
  Pieces out;
  size_t last_question = messages.size() - 1;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role == "user") last_question = i;
  }
  for (size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& m = messages[i];
    if (m.role != "assistant") {
      AddChatMl(m.role, m.content, &out);
      continue;
    }
    const std::string_view answer = WithoutThoughts(m.content), thoughts = ThoughtsOf(m.content);
    const bool last = i + 1 == messages.size();
    if (i > last_question && (last || !thoughts.empty())) {
      AddChatMl(m.role,
                absl::StrCat("<think>\n", std::string(TrimRight(thoughts, "\n")), "\n</think>\n\n",
                             std::string(TrimLeft(answer, "\n"))),
                &out);
    } else {
      AddChatMl(m.role, answer, &out);
    }
  }
  BeginChatMl("assistant\n", &out);
  return out;
}

// The system message says whether to think: "/think" (the default) or "/no_think" in it.
Pieces RenderSmolLm3(const Messages& messages, const std::string&) {
  constexpr std::string_view kThinking =
      "You are a helpful AI assistant named SmolLM, trained by Hugging Face. Your role as an assistant involves "
      "thoroughly exploring questions through a systematic thinking process before providing the final precise and "
      "accurate solutions. This requires engaging in a comprehensive cycle of analysis, summarizing, exploration, "
      "reassessment, reflection, backtracking, and iteration to develop well-considered thinking process. Please "
      "structure your response into two main sections: Thought and Solution using the specified format: <think> "
      "Thought "
      "section </think> Solution section. In the Thought section, detail your reasoning process in steps. Each step "
      "should include detailed considerations such as analysing questions, summarizing relevant findings, "
      "brainstorming "
      "new ideas, verifying the accuracy of the current steps, refining any errors, and revisiting previous steps. In "
      "the Solution section, based on various attempts, explorations, and reflections from the Thought section, "
      "systematically present the final solution that you deem correct. The Solution section should be logical, "
      "accurate, and concise and detail necessary steps needed to reach the conclusion.";
  constexpr std::string_view kPlain = "You are a helpful AI assistant named SmolLM, trained by Hugging Face.";
  std::string instructions;
  bool think = true;
  if (HasSystem(messages)) {
    instructions = messages.front().content;
    think = instructions.find("/no_think") == std::string::npos;
    instructions = absl::StrReplaceAll(instructions, {{"/no_think", ""}});
    instructions = absl::StrReplaceAll(instructions, {{"/think", ""}});
    instructions = std::string(TrimRight(instructions, kSpaces));
  }
  if (instructions.empty()) instructions = think ? kThinking : kPlain;
  Pieces out;
  AddChatMl("system",
            absl::StrCat("## Metadata\n\nKnowledge Cutoff Date: June 2025\nReasoning Mode: ",
                         think ? "/think" : "/no_think", "\n\n## Custom Instructions\n\n", instructions, "\n\n"),
            &out);
  const char* no_thoughts = think ? "" : "<think>\n\n</think>\n";
  for (const ChatMessage& m : messages) {
    if (m.role == "user") AddChatMl(m.role, m.content, &out);
    if (m.role == "assistant") {
      AddChatMl(m.role, absl::StrCat(no_thoughts, std::string(TrimLeft(m.content, "\n"))), &out);
    }
  }
  BeginChatMl(absl::StrCat("assistant\n", no_thoughts), &out);
  return out;
}

Pieces RenderLlama3(const Messages& messages, const std::string&) {
  Pieces out;
  for (const ChatMessage& m : messages) AddLlama3(m.role, Trim(m.content), &out);
  BeginLlama3(&out);
  return out;
}

Pieces RenderLlama31(const Messages& messages, const std::string&) {
  Pieces out;
  AddLlama3("system",
            absl::StrCat("Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n",
                         HasSystem(messages) ? Trim(messages.front().content) : ""),
            &out);
  for (size_t i = HasSystem(messages) ? 1 : 0; i < messages.size(); ++i) {
    AddLlama3(messages[i].role, Trim(messages[i].content), &out);
  }
  BeginLlama3(&out);
  return out;
}

// There is no system role: Gemma 3's template puts the system message before the first question. Gemma 2's refuses one;
// it gets Gemma 3's spelling, since a question without its instructions would be another question.
Pieces RenderGemma(const Messages& messages, const std::string&) {
  Pieces out;
  std::string before;
  for (const ChatMessage& m : messages) {
    if (m.role == "system") {
      before = absl::StrCat(m.content, "\n\n");
      continue;
    }
    Special("<start_of_turn>", &out);
    Plain(absl::StrCat(m.role == "assistant" ? "model" : "user", "\n", before, Trim(m.content)), &out);
    Special("<end_of_turn>", &out);
    Plain("\n", &out);
    before.clear();
  }
  Special("<start_of_turn>", &out);
  Plain("model\n", &out);
  return out;
}

// The line break belongs to the tag: the tokenizer lets its special tokens swallow it.
Pieces RenderPhi3(const Messages& messages, const std::string&) {
  Pieces out;
  for (const ChatMessage& m : messages) {
    if (m.role == "system" && m.content.empty()) continue;
    Special(absl::StrCat("<|", m.role, "|>\n"), &out);
    Plain(m.content, &out);
    Special("<|end|>\n", &out);
  }
  Special("<|assistant|>\n", &out);
  return out;
}

Pieces RenderPhi4(const Messages& messages, const std::string&) {
  Pieces out;
  for (const ChatMessage& m : messages) {
    Special(absl::StrCat("<|", m.role, "|>"), &out);
    Plain(m.content, &out);
    Special("<|end|>", &out);
  }
  Special("<|assistant|>", &out);
  return out;
}

// The system message stands in the last question.
Pieces RenderMistralTekken(const Messages& messages, const std::string&) {
  Pieces out;
  for (size_t i = HasSystem(messages) ? 1 : 0; i < messages.size(); ++i) {
    const ChatMessage& m = messages[i];
    if (m.role == "assistant") {
      Plain(m.content, &out);
      Special("</s>", &out);
      continue;
    }
    Special("[INST]", &out);
    const bool last = i + 1 == messages.size();
    Plain(last && HasSystem(messages) ? absl::StrCat(messages.front().content, "\n\n", m.content) : m.content, &out);
    Special("[/INST]", &out);
  }
  return out;
}

}  // namespace precis::engine
