#include "tokenizers/pipeline.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"

namespace precis::engine {

absl::StatusOr<std::shared_ptr<const Tokenizer>> PipelineTokenizer::Create(TokenizerParts parts) {
  PRECIS_RETURN_IF_ERROR(CheckAddedTokens(parts.added));
  std::shared_ptr<PipelineTokenizer> tokenizer(new PipelineTokenizer(std::move(parts)));
  const auto check = [&](TokenId id, const char* what) -> absl::Status {
    if (tokenizer->Exists(id)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(what, " has the id ", id, ", the vocabulary has ids from 0 to ",
                                                   tokenizer->vocabulary_size() - 1));
  };
  for (const AddedToken& token : tokenizer->parts_.added) PRECIS_RETURN_IF_ERROR(check(token.id, "an added token"));
  for (const auto* ids : {&tokenizer->parts_.prefix, &tokenizer->parts_.suffix}) {
    for (const TokenId id : *ids) PRECIS_RETURN_IF_ERROR(check(id, "a special token that is put around texts"));
  }
  const SpecialTokens& s = tokenizer->parts_.special;
  for (const TokenId id : {s.bos, s.eos, s.end_of_turn, s.unk, s.pad, s.cls, s.sep, s.mask}) {
    if (id != -1) PRECIS_RETURN_IF_ERROR(check(id, "a special token"));
  }
  return tokenizer;
}

PipelineTokenizer::PipelineTokenizer(TokenizerParts parts) : parts_(std::move(parts)) {
  is_special_.resize(parts_.decoding.pieces.size());
  std::vector<AddedToken> source, normalized;
  std::vector<std::string> source_texts, normalized_texts;
  for (const AddedToken& token : parts_.added) {
    if (token.special && Exists(token.id)) is_special_[static_cast<size_t>(token.id)] = true;
    (token.normalized ? normalized : source).push_back(token);
    (token.normalized ? normalized_texts : source_texts)
        .push_back(token.normalized ? Normalized(token.text) : token.text);
  }
  in_source_ = AddedTokens(source, source_texts);
  in_normalized_ = AddedTokens(normalized, normalized_texts);

  Hasher hasher;
  hasher.Field("precis tokenizer 1");
  FingerprintAddedTokens(parts_.added, &hasher);
  hasher.Field(static_cast<int64_t>(parts_.normalizers.size()));
  for (const auto& step : parts_.normalizers) hasher.Field(step->Description());
  hasher.Field(static_cast<int64_t>(parts_.pre_tokenizers.size()));
  for (const auto& step : parts_.pre_tokenizers) hasher.Field(step->Description());
  parts_.model->Fingerprint(&hasher);
  for (const auto* ids : {&parts_.prefix, &parts_.suffix}) {
    hasher.Field(static_cast<int64_t>(ids->size()));
    for (const TokenId id : *ids) hasher.Field(int64_t{id});
  }
  fingerprint_ = hasher.FinishHex();
}

std::string PipelineTokenizer::Normalized(const std::string& text) const {
  AlignedText aligned(text, {0, static_cast<uint32_t>(text.size())}, /*track=*/false);
  for (const auto& step : parts_.normalizers) step->Apply(&aligned);
  return std::string(aligned.bytes());
}

// Sink: sink.Reserve(tokens), sink.Add(id, source range), sink.Add(pieces, text). With track off the ranges are not
// looked at.
template <typename Sink>
absl::Status PipelineTokenizer::Run(std::string_view text, const EncodeOptions& options, bool track,
                                    const Sink& sink) const {
  if (text.size() > kMaxTextBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("a text of ", text.size(), " bytes is over the limit of ",
                                                     kMaxTextBytes, " for one tokenization: split it"));
  }
  if (options.add_special) {
    for (const TokenId id : parts_.prefix) sink.Add(id, ByteRange{0, 0});
  }
  uint32_t done = 0;
  const auto fragment = [&](uint32_t end) -> absl::Status {
    if (done == end) return absl::OkStatus();
    return RunFragment(AlignedText(text, {done, end}, track), options.parse_special, sink);
  };
  for (const AddedTokens::Match& match : in_source_.Find(text, options.parse_special)) {
    PRECIS_RETURN_IF_ERROR(fragment(match.range.begin));
    sink.Add(match.id, ByteRange{match.range.begin, match.range.end});
    done = match.range.end;
  }
  PRECIS_RETURN_IF_ERROR(fragment(static_cast<uint32_t>(text.size())));
  if (options.add_special) {
    const auto end = static_cast<int64_t>(text.size());
    for (const TokenId id : parts_.suffix) sink.Add(id, ByteRange{end, end});
  }
  return absl::OkStatus();
}

template <typename Sink>
absl::Status PipelineTokenizer::RunFragment(AlignedText text, bool parse_special, const Sink& sink) const {
  for (const auto& step : parts_.normalizers) {
    step->Apply(&text);
    if (text.bytes().size() > kMaxNormalizedBytes) {
      return absl::ResourceExhaustedError(absl::StrCat("normalisation makes ", text.bytes().size(),
                                                       " bytes of the text, at most ", kMaxNormalizedBytes,
                                                       " are supported: split it"));
    }
  }
  const auto matches = in_normalized_.Find(text.bytes(), parse_special);
  if (matches.empty()) return RunWords(std::move(text), sink);
  uint32_t done = 0;
  for (const AddedTokens::Match& match : matches) {
    if (done < match.range.begin) PRECIS_RETURN_IF_ERROR(RunWords(text.Part({done, match.range.begin}), sink));
    sink.Add({{match.id, match.range.begin, match.range.end}}, text);
    done = match.range.end;
  }
  const auto end = static_cast<uint32_t>(text.bytes().size());
  return done < end ? RunWords(text.Part({done, end}), sink) : absl::OkStatus();
}

template <typename Sink>
absl::Status PipelineTokenizer::RunWords(AlignedText text, const Sink& sink) const {
  std::vector<TextRange> words;
  if (!text.bytes().empty()) words.push_back({0, static_cast<uint32_t>(text.bytes().size())});
  for (const auto& step : parts_.pre_tokenizers) step->Apply(&text, &words);
  std::vector<Piece> pieces;
  pieces.reserve(words.size() + words.size() / 4);
  for (const TextRange& word : words) {
    if (word.size() > kMaxWordBytes) {
      return absl::ResourceExhaustedError(absl::StrCat("the text holds a stretch of ", word.size(),
                                                       " bytes that the tokenizer cannot cut, at most ", kMaxWordBytes,
                                                       " are supported: split it"));
    }
    parts_.model->Encode(text.bytes().substr(word.begin, word.size()), word.begin, &pieces);
  }
  sink.Add(pieces, text);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TokenId>> PipelineTokenizer::Encode(std::string_view text,
                                                               const EncodeOptions& options) const {
  struct Ids {
    std::vector<TokenId>* out;
    void Add(TokenId id, const ByteRange&) const { out->push_back(id); }
    void Add(const std::vector<Piece>& pieces, const AlignedText&) const {
      for (const Piece& piece : pieces) out->push_back(piece.id);
    }
  };
  std::vector<TokenId> ids;
  PRECIS_RETURN_IF_ERROR(Run(text, options, /*track=*/false, Ids{&ids}));
  return ids;
}

absl::StatusOr<std::vector<Token>> PipelineTokenizer::EncodeWithOffsets(std::string_view text,
                                                                        const EncodeOptions& options) const {
  struct Tokens {
    std::vector<Token>* out;
    void Add(TokenId id, const ByteRange& range) const { out->push_back({id, range}); }
    void Add(const std::vector<Piece>& pieces, const AlignedText& aligned) const {
      for (const Piece& piece : pieces) out->push_back({piece.id, aligned.SourceRange(piece.begin, piece.end)});
    }
  };
  std::vector<Token> tokens;
  PRECIS_RETURN_IF_ERROR(Run(text, options, /*track=*/true, Tokens{&tokens}));
  return tokens;
}

absl::StatusOr<std::string> PipelineTokenizer::Decode(std::span<const TokenId> ids, bool skip_special) const {
  const Decoding& decoding = parts_.decoding;
  std::string text;
  bool first = true;
  for (const TokenId id : ids) {
    if (!Exists(id)) {
      return absl::InvalidArgumentError(
          absl::StrCat("token id ", id, " is outside the vocabulary, ids go from 0 to ", vocabulary_size() - 1));
    }
    if (skip_special && is_special_[static_cast<size_t>(id)]) continue;
    const bool own_first = first && !decoding.first_pieces.empty();
    std::string_view piece = (own_first ? decoding.first_pieces : decoding.pieces)[static_cast<size_t>(id)];
    if (first && decoding.front == Decoding::Front::kSpacesOfFirst) {
      text.append(ReplaceAll(piece, " ", ""));
    } else {
      text.append(piece);
    }
    first = false;
  }
  if (decoding.front == Decoding::Front::kOneSpace && text.starts_with(' ')) text.erase(0, 1);
  return text;
}

std::string_view PipelineTokenizer::TokenBytes(TokenId id) const {
  if (!Exists(id) || is_special_[static_cast<size_t>(id)]) return {};
  return parts_.decoding.pieces[static_cast<size_t>(id)];
}

}  // namespace precis::engine
