// One Ask: a state machine over the stubs of the other roles. No thread waits for it.
//
//   Begin -> GetCapsule for each named one -> {Tokenize, ListModels} and {Search, GetCollection} -> Compress -> for
//   each question: Generate with citation checks -> usage
//
// The first error, or the client's leaving, cancels whatever is under way.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adapters/remote_embedder.h"
#include "gateway/ask_capsules.h"
#include "gateway/ask_prompt.h"
#include "gateway/citation_feed.h"
#include "gateway/generation_reader.h"
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
  };

  // The call keeps itself alive until gRPC is done with it and no stub calls back any more.
  static grpc::ServerWriteReactor<v1::AskResponse>* Start(Shared& shared, grpc::CallbackServerContext* context,
                                                          const v1::AskRequest& request);

  AskCall(Shared& shared, grpc::CallbackServerContext* context, const v1::AskRequest& request);

 private:
  // A unary call to another role.
  template <class Request, class Response>
  struct SubCall {
    grpc::ClientContext context;
    Request request;
    Response response;
    RoleChannel channel;
  };

  void Begin();
  // The named capsules, one after the other; then Gather.
  void FetchCapsule();
  void FetchedCapsule();
  void Gather();
  absl::Status CheckRequest() const;
  template <class Request, class Response, class Starter>
  void Launch(Role role, SubCall<Request, Response>* call, Starter start, void (AskCall::*then)());
  // The second call to each of the two roles. One after the other, so that a question takes one place in the queue of a
  // role, however short that is.
  void Tokenized();
  void Searched();
  // One of the two roles has given its answers; the last one goes on to Compress.
  void Gathered();
  void StartTokenize(v1::TokenizeRequest* request);
  absl::Status PlanPrompt();
  void StartCompress();
  void Compressed();
  void SendPlanAndRetrieved();
  void SendReceipt();

  void StartQuestion();
  void OnDelta(const std::string& text);
  void OnGenerated(const grpc::Status& status, const v1::GenerateDone& done);
  void OnCitation(const compress::Citation& citation);
  void OnAnswerChecked(const absl::Status& status);
  void SendUsage();

  // False when the call has ended: stop.
  bool Emit(v1::AskResponse event);
  void End(const absl::Status& status);
  bool Ended();
  void CancelSubCalls();
  void AddTiming(const char* stage, absl::Duration duration);

  const std::string& Question(int index) const;
  int question_count() const { return 1 + request_.further_questions_size(); }

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
  SubCall<v1::CompressRequest, v1::CompressResponse> compress_;
  std::shared_ptr<GenerationReader> generation_;
  std::shared_ptr<CitationFeed> citations_;

  // Where each part of what was tokenised ends: the system text, the longest question, the turns.
  std::vector<int64_t> part_ends_;
  v1::Model model_;
  WindowPlan window_;
  bool plan_sent_ = false;
  bool nothing_found_ = false;

  int question_ = 0;  // the one that is being answered
  std::string answer_;
  v1::FinishReason finish_ = v1::FINISH_REASON_UNSPECIFIED;
  v1::AskUsage usage_;
  absl::Time retrieve_began_, compress_began_, cite_began_;
};

}  // namespace precis::services
