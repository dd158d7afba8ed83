#include "policy/boxes.h"

#include <algorithm>

namespace durward::policy {
namespace {

using Visit = std::function<bool(std::size_t)>;  // false stops

// Every point of a box; false when a visit stopped it.
bool each_point(const Grid& grid, const Box& box, std::size_t dimension, std::size_t base,
                const Visit& visit) {
  if (dimension == grid.sizes.size()) return visit(base);
  for (const std::size_t value : box[dimension])
    if (!each_point(grid, box, dimension + 1, base * grid.sizes[dimension] + value, visit)) return false;
  return true;
}

bool allowed(const Grid& grid, const std::vector<Point>& points, const Box& box) {
  return each_point(grid, box, 0, 0, [&](std::size_t point) { return points[point] != Point::out; });
}

Box at(const Grid& grid, std::size_t point) {
  Box box(grid.sizes.size());
  for (std::size_t d = grid.sizes.size(); d-- > 0; point /= grid.sizes[d]) box[d] = {point % grid.sizes[d]};
  return box;
}

Box widened(const Grid& grid, const std::vector<Point>& points, Box box) {
  for (std::size_t d = 0; d < grid.sizes.size(); ++d) {
    const std::size_t start = box[d].front();
    std::vector<std::size_t> values;
    for (std::size_t value = 0; value < grid.sizes[d]; ++value) {
      Box slab = box;
      slab[d] = {value};
      if (value == start || allowed(grid, points, slab)) values.push_back(value);
    }
    box[d] = values;
  }
  return box;
}

}  // namespace

bool every_point(const Grid& grid, const Box& box, const std::function<bool(std::size_t)>& test) {
  return each_point(grid, box, 0, 0, test);
}

std::size_t Grid::points() const {
  std::size_t out = 1;
  for (const std::size_t size : sizes) out *= size;
  return out;
}

std::vector<Box> cover(const Grid& grid, const std::vector<Point>& points) {
  std::vector<Box> boxes;
  std::vector<unsigned> times(points.size(), 0);
  const auto count = [&](const Box& box, unsigned by) {
    each_point(grid, box, 0, 0, [&](std::size_t point) {
      times[point] += by;
      return true;
    });
  };
  for (std::size_t point = 0; point < points.size(); ++point) {
    if (points[point] != Point::in || times[point] != 0) continue;
    boxes.push_back(widened(grid, points, at(grid, point)));
    count(boxes.back(), 1);
  }
  for (std::size_t i = 0; i < boxes.size();) {
    const bool superfluous = each_point(grid, boxes[i], 0, 0, [&](std::size_t point) {
      return points[point] != Point::in || times[point] > 1;
    });
    if (!superfluous) {
      ++i;
      continue;
    }
    count(boxes[i], static_cast<unsigned>(-1));
    boxes.erase(boxes.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return boxes;
}

}  // namespace durward::policy
