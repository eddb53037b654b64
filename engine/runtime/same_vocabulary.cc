#include "runtime/same_vocabulary.h"

#include <string_view>
#include <tuple>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace precis::engine {
namespace {

std::string Quoted(std::string_view bytes) {
  return absl::StrCat("'", absl::CHexEscape(absl::string_view(bytes.data(), bytes.size())), "'");
}

}  // namespace

absl::Status CheckSameVocabulary(const Tokenizer& tokenizer, const std::string& name, const Tokenizer& draft,
                                 const std::string& draft_name) {
  if (tokenizer.fingerprint() == draft.fingerprint()) return absl::OkStatus();
  const auto differ = [&](const std::string& how) {
    return absl::FailedPreconditionError(absl::StrCat("'", draft_name, "' cannot draft for '", name, "': ", how,
                                                      "; a draft model must have the same vocabulary"));
  };
  if (tokenizer.vocabulary_size() != draft.vocabulary_size()) {
    return differ(absl::StrCat("it has ", draft.vocabulary_size(), " tokens instead of ", tokenizer.vocabulary_size()));
  }
  for (TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
    if (tokenizer.TokenBytes(id) == draft.TokenBytes(id)) continue;
    return differ(absl::StrCat("its token ", id, " is ", Quoted(draft.TokenBytes(id)), " instead of ",
                               Quoted(tokenizer.TokenBytes(id))));
  }
  const SpecialTokens &a = tokenizer.special(), &b = draft.special();
  for (const auto& [what, ours, its] :
       {std::tuple("bos", a.bos, b.bos), {"eos", a.eos, b.eos}, {"end of turn", a.end_of_turn, b.end_of_turn}}) {
    if (ours != its) return differ(absl::StrCat("its ", what, " token is ", its, " instead of ", ours));
  }
  return absl::OkStatus();
}

}  // namespace precis::engine
