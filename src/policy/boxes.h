// Sets of points on a grid, said as boxes. Pure; any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace durward::policy {

// Row-major: the last dimension changes fastest. No dimensions: one point.
struct Grid {
  std::vector<std::size_t> sizes;  // none is 0
  std::size_t points() const;
};

enum class Point : char { out, in, either };

// For each dimension the values it covers, ascending.
using Box = std::vector<std::vector<std::size_t>>;

// Whether `test` holds for every point of a box.
bool every_point(const Grid& grid, const Box& box, const std::function<bool(std::size_t)>& test);

// Boxes that together hold every point that is `in` and none that is `out`. Each is as large as can be and
// none is superfluous; they may overlap. Earlier dimensions are widened first. Deterministic.
std::vector<Box> cover(const Grid& grid, const std::vector<Point>& points);

}  // namespace durward::policy
