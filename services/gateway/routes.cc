#include "gateway/routes.h"

namespace precis::services {

const std::vector<PublicService>& PublicServices() {
  static const auto& services = *new std::vector<PublicService>{
      {"precis.v1.AdminService", Role::kGateway},          {"precis.v1.CollectionService", Role::kRetriever},
      {"precis.v1.CompressionService", Role::kCompressor}, {"precis.v1.DocumentService", Role::kRetriever},
      {"precis.v1.EmbeddingService", Role::kEmbedder},     {"precis.v1.GenerationService", Role::kGenerator},
      {"precis.v1.PipelineService", Role::kGateway},       {"precis.v1.RetrievalService", Role::kRetriever},
      {"precis.v1.SplittingService", Role::kCompressor},
  };
  return services;
}

const PublicService* FindPublicService(std::string_view name) {
  for (const PublicService& service : PublicServices()) {
    if (name == service.name) return &service;
  }
  return nullptr;
}

}  // namespace precis::services
