// The roles that a process can host (design.md section 3).
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace precis::services {

enum class Role { kEmbedder, kRetriever, kCompressor, kGenerator, kGateway };

inline constexpr int kRoleCount = 5;
inline constexpr std::array<Role, kRoleCount> kAllRoles = {Role::kEmbedder, Role::kRetriever, Role::kCompressor,
                                                           Role::kGenerator, Role::kGateway};

inline constexpr const char* RoleName(Role role) {
  constexpr const char* kNames[kRoleCount] = {"embedder", "retriever", "compressor", "generator", "gateway"};
  return kNames[static_cast<int>(role)];
}

// True and the role, or false for an unknown name.
inline bool RoleByName(std::string_view name, Role* role) {
  for (Role candidate : kAllRoles) {
    if (name == RoleName(candidate)) {
      *role = candidate;
      return true;
    }
  }
  return false;
}

// A set of roles; at least one in a valid configuration.
class RoleSet {
 public:
  bool Has(Role role) const { return bits_ & (1u << static_cast<int>(role)); }
  void Add(Role role) { bits_ |= 1u << static_cast<int>(role); }
  bool all() const { return bits_ == (1u << kRoleCount) - 1; }
  bool empty() const { return bits_ == 0; }
  // "all", or the names in the order of the enum, joined by commas.
  std::string ToString() const {
    if (all()) return "all";
    std::string text;
    for (Role role : kAllRoles) {
      if (Has(role)) text += (text.empty() ? "" : ",") + std::string(RoleName(role));
    }
    return text;
  }

 private:
  unsigned bits_ = 0;
};

}  // namespace precis::services
