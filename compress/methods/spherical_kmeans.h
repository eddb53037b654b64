// Clusters unit vectors by direction: k-means on the sphere (Dhillon and Modha 2001), seeded by k-means++ (Arthur and
// Vassilvitskii 2007). One fixed order of sums and its own random numbers: equal inputs give equal clusters everywhere.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"

namespace precis::compress {

struct Clustering {
  std::vector<int> cluster;                   // of each point
  std::vector<std::vector<float>> centroids;  // L2 norm 1; fewer than asked for where fewer points differ
  double cohesion = 0;                        // mean cosine of a point and its centroid
};

// `points` have L2 norm 1 and one size; 1 <= k. Errors: Cancelled, DeadlineExceeded.
absl::StatusOr<Clustering> SphericalKMeans(std::span<const std::vector<float>> points, int k, uint64_t seed,
                                           const CallContext& call);

// Mean silhouette with cosine distances, [-1, 1]; of more than 1,024 points evenly chosen ones. 0 for one cluster.
// Errors: Cancelled, DeadlineExceeded.
absl::StatusOr<double> MeanSilhouette(std::span<const std::vector<float>> points, const Clustering& clustering,
                                      const CallContext& call);

// The clustering with the best silhouette for k in [2, max_k]; of equal ones the smaller k. One cluster where there are
// fewer than three points, or none is better than 0.
absl::StatusOr<Clustering> BestSilhouette(std::span<const std::vector<float>> points, int max_k, uint64_t seed,
                                          const CallContext& call);

}  // namespace precis::compress
