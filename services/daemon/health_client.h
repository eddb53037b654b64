// `precisd --health`: the smallest client, for the health checks of containers that have no other program.
#pragma once

#include <string>

namespace precis::services {

// True if grpc.health.v1 at `address` says SERVING for `service` (empty: the server) within three seconds; else
// `detail` says why not.
bool IsServing(const std::string& address, const std::string& service, std::string* detail);

}  // namespace precis::services
