// Which role hosts which public service.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/role.h"

namespace precis::services {

struct PublicService {
  const char* name;  // full: "precis.v1.RetrievalService"
  Role role;
};

// Every service of the contract that clients may call. ErasureService is not among them: it is between roles.
const std::vector<PublicService>& PublicServices();

// Null for what is not public.
const PublicService* FindPublicService(std::string_view name);

}  // namespace precis::services
