// One Ask: a state machine over the stubs of the other roles. No thread waits for it.
//
//   Begin -> GetCapsule for each named one -> {Tokenize, ListModels} and {Search, GetCollection} -> Compress the
//   passages, then the earlier turns -> for each prompt: what speaks for an answer, Generate with citation checks, what
//   speaks for this answer -> usage
//
// The first error, or the client's leaving, cancels whatever is under way. ask_call.cc has the way to the context,
// ask_answers.cc the answers.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "adapters/remote_embedder.h"
#include "gateway/ask_capsules.h"
#include "gateway/ask_prompt.h"
#include "gateway/ask_request.h"
#include "gateway/citation_feed.h"
#include "gateway/generation_reader.h"
#include "gateway/label_reader.h"
#include "precis/compress/sufficiency.h"
#include "precis/v1/collection.grpc.pb.h"
#include "precis/v1/compression.grpc.pb.h"
#include "precis/v1/generation.grpc.pb.h"
#include "precis/v1/pipeline.grpc.pb.h"
#include "precis/v1/retrieval.grpc.pb.h"
#include "roles/role_host.h"
#include "runtime/outgoing.h"

namespace precis::services {

class AskCall final : public grpc::ServerWriteReactor<v1::AskResponse>, public std::enable_shared_from_this<AskCall> {
 public:
  // What all calls share; outlives them.
  struct Shared {
    const RoleContext& context;
    const Host& host;
    RemoteEncoders encoders;
    // Null: what is built in for the generator.
    std::unique_ptr<const compress::SufficiencyCalibration> calibration;
  };

  // The call keeps itself alive until gRPC is done with it and no stub calls back any more.
  static grpc::ServerWriteReactor<v1::AskResponse>* Start(Shared& shared, grpc::CallbackServerContext* context,
                                                          const v1::AskRequest& request);

  AskCall(Shared& shared, grpc::CallbackServerContext* context, const v1::AskRequest& request);

 private:
  using Step = void (AskCall::*)();
  // A unary call to another role.
  template <class Request, class Response>
  struct SubCall {
    grpc::ClientContext context;
    Request request;
    Response response;
    RoleChannel channel;
  };
  using ScoreCall = SubCall<v1::ScoreTokensRequest, v1::ScoreTokensResponse>;

  // What is known of one question's answer.
  struct Answer {
    std::string text;       // streamed, or held back
    bool streamed = false;  // some of it was
    bool restarts = false;  // its next delta voids what was streamed
    v1::AnswerOutcome outcome = v1::ANSWER_OUTCOME_UNSPECIFIED;
    std::vector<std::string> votes;  // of the rounds
    compress::Evidence evidence;
    std::optional<double> sufficiency;
  };
  // Questions that stand in one prompt.
  struct Prompt {
    std::vector<int> questions;
    bool hold = false;  // nothing is streamed before it is decided
  };

  // --- to the context
  void Begin();
  // The named capsules, one after the other; then Gather.
  void FetchCapsule();
  void FetchedCapsule();
  void Gather();
  template <class Request, class Response, class Starter>
  void Launch(Role role, SubCall<Request, Response>* call, Starter start, Step then);
  void StartSearch();
  // The second call to each of the two roles. One after the other, so that a question takes one place in the queue of a
  // role, however short that is.
  void Tokenized();
  void BatchSearched();
  void Searched();
  // One of the two roles has given its answers; the last one goes on to Compress.
  void Gathered();
  void StartTokenize(v1::TokenizeRequest* request);
  absl::Status PlanPrompt();
  void FillCompress(SubCall<v1::CompressRequest, v1::CompressResponse>* call, int64_t budget);
  void StartCompress();
  void Compressed();
  // Of the earlier turns, into what the context has left of the budget.
  void StartTalk();
  void TalkCompressed(const grpc::Status& status);
  void SendPlanAndRetrieved();
  void SendReceipt();
  absl::Status MakeCitationFeed();

  // --- the answers
  void StartAnswers();
  void NextPrompt();
  void StartGeneration();
  void OnGeneratedText(const std::string& text);
  void OnGenerated(const grpc::Status& status, const v1::GenerateDone& done);
  void TakePieces(const std::vector<LabelReader::Piece>& pieces);
  // Part of an answer: to the client and the citation checks.
  void Stream(int question, const std::string& text);
  // The answer that is being streamed is complete: its checks are awaited.
  void FinishStream();
  void OnCitation(int question, const compress::Citation& citation);
  void OnAnswerChecked(const absl::Status& status);
  // Generation or a whole answer being shown, and every check of citations, hold the step; when all have let go, the
  // call goes on with `then`.
  void HoldStep();
  void LetGo(Step then);
  void PromptEnded();
  void LabelsEnded();
  void RoundEnded();
  void Show(int question, std::string text, Step then);
  void Settle(int question, bool cut);
  void SendUsage();

  // --- whether there is an answer
  // Without a calibration for the generator only its own refusal counts, and with earlier turns too: what they hold the
  // search does not know.
  bool MayRefuse() const { return !request_.answer_always() && calibration_ != nullptr && request_.turns().empty(); }
  bool JudgesEvidence() const { return !AsksTogether(request_) && (request_.measure_evidence() || MayRefuse()); }
  void StartEvidence();
  void QuestionScored(std::optional<double> logprob);
  void QuestionScoredAlone(std::optional<double> logprob);
  void StartAnswerEvidence();
  void AnswerScored(std::optional<double> logprob);
  void AnswerScoredAlone(std::optional<double> logprob);
  // The mean log-probability of `text` as the answer to `chat`; nothing where the generator cannot tell.
  void Score(v1::Chat chat, std::string text, void (AskCall::*then)(std::optional<double>));
  void Shown();
  void Refuse(int question);
  std::optional<double> Similarity(int question) const;

  // False when the call has ended: stop.
  bool Emit(v1::AskResponse event);
  void End(const absl::Status& status);
  bool Ended();
  void CancelSubCalls();
  void AddTiming(const char* stage, absl::Duration duration);
  PromptData Data() const;

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  Shared& shared_;
  grpc::CallbackServerContext* const server_context_;
  const v1::AskRequest request_;
  const CallScope scope_;
  std::shared_ptr<AskCall> self_;

  std::mutex mutex_;  // guards what is below and every use of `outgoing_`
  Outgoing<grpc::ServerWriteReactor<v1::AskResponse>, v1::AskResponse> outgoing_;
  bool ended_ = false;
  int gathering_ = 0;  // roles whose first answers have not come

  using CapsuleCall = SubCall<v1::GetCapsuleRequest, v1::GetCapsuleResponse>;
  std::vector<std::unique_ptr<CapsuleCall>> capsule_calls_;  // all made before the first is started
  size_t fetched_capsules_ = 0;
  AskCapsules capsules_;
  int found_count_ = 0;         // passages before those of the capsules
  int64_t capsule_tokens_ = 0;  // of their texts in the prompt, at most
  SubCall<v1::ListModelsRequest, v1::ListModelsResponse> models_;
  SubCall<v1::TokenizeRequest, v1::TokenizeResponse> tokenize_;
  SubCall<v1::GetCollectionRequest, v1::GetCollectionResponse> collection_;
  SubCall<v1::SearchRequest, v1::SearchResponse> search_;
  SubCall<v1::SearchBatchRequest, v1::SearchBatchResponse> batch_;
  SubCall<v1::CompressRequest, v1::CompressResponse> compress_, talk_;
  std::shared_ptr<ScoreCall> score_;
  std::shared_ptr<GenerationReader> generation_;
  std::shared_ptr<CitationFeed> citations_;

  // Where each part of what was tokenised ends: the system text, the questions, the turns.
  std::vector<int64_t> part_ends_;
  v1::Model model_;
  WindowPlan window_;
  bool plan_sent_ = false;
  bool nothing_found_ = false;

  std::vector<Answer> answers_;  // by question
  std::deque<Prompt> prompts_;   // to come
  Prompt prompt_;                // the one under way
  std::unique_ptr<LabelReader> labels_;
  int streaming_ = -1;  // the question whose answer is being streamed
  int last_piece_ = -1;
  int holds_ = 0;  // see HoldStep
  int round_ = 0, relabelled_ = 0;
  Step then_ = nullptr;
  bool cut_ = false;  // the generation ended at its limit
  const compress::SufficiencyCalibration* calibration_ = nullptr;
  v1::AskUsage usage_;
  absl::Time retrieve_began_, compress_began_, cite_began_, evidence_began_;
};

}  // namespace precis::services
