// A list whose copies share their elements until one of them is changed: a copy costs a pointer an element,
// however large those are. Changing an element through a list leaves every other list as it was.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace durward {

template <class T>
class SharedList {
  using Items = std::vector<std::shared_ptr<T>>;

 public:
  using value_type = T;

  class const_iterator {
   public:
    using iterator_category = std::random_access_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = const T&;

    const_iterator() = default;
    explicit const_iterator(typename Items::const_iterator at) : at_(at) {}
    reference operator*() const { return **at_; }
    pointer operator->() const { return at_->get(); }
    reference operator[](difference_type n) const { return *at_[n]; }
    const_iterator& operator++() { return ++at_, *this; }
    const_iterator operator++(int) { return const_iterator(at_++); }
    const_iterator& operator--() { return --at_, *this; }
    const_iterator operator--(int) { return const_iterator(at_--); }
    const_iterator& operator+=(difference_type n) { return at_ += n, *this; }
    const_iterator& operator-=(difference_type n) { return at_ -= n, *this; }
    friend const_iterator operator+(const_iterator at, difference_type n) { return at += n; }
    friend const_iterator operator+(difference_type n, const_iterator at) { return at += n; }
    friend const_iterator operator-(const_iterator at, difference_type n) { return at -= n; }
    friend difference_type operator-(const_iterator a, const_iterator b) { return a.at_ - b.at_; }
    auto operator<=>(const const_iterator&) const = default;
    // Whether both stand at one element that two lists share.
    bool same_element(const const_iterator& other) const { return *at_ == *other.at_; }

   private:
    friend class SharedList;
    typename Items::const_iterator at_{};
  };

  SharedList() = default;
  SharedList(std::vector<T> items) {
    items_.reserve(items.size());
    for (T& item : items) push_back(std::move(item));
  }
  SharedList(std::initializer_list<T> items) : SharedList(std::vector<T>(items)) {}

  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }
  void reserve(std::size_t count) { items_.reserve(count); }
  void clear() { items_.clear(); }
  void pop_back() { items_.pop_back(); }
  void erase(const_iterator at) { items_.erase(at.at_); }
  void push_back(T item) { items_.push_back(std::make_shared<T>(std::move(item))); }
  template <class... Parts>
  void emplace_back(Parts&&... parts) {
    items_.push_back(std::make_shared<T>(std::forward<Parts>(parts)...));
  }
  // The very elements of another list, after those that are here.
  void share(const_iterator from, const_iterator to) { items_.insert(items_.end(), from.at_, to.at_); }

  const_iterator begin() const { return const_iterator(items_.begin()); }
  const_iterator end() const { return const_iterator(items_.end()); }
  const T& operator[](std::size_t i) const { return *items_[i]; }
  const T& front() const { return *items_.front(); }
  const T& back() const { return *items_.back(); }

  // The element to be changed, its own from now on.
  T& own(std::size_t i) {
    auto& item = items_[i];
    if (item.use_count() > 1) item = std::make_shared<T>(*item);
    return *item;
  }
  void replace(std::size_t i, T item) { items_[i] = std::make_shared<T>(std::move(item)); }

  friend bool operator==(const SharedList& a, const SharedList& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (a.items_[i] != b.items_[i] && !(a[i] == b[i])) return false;
    return true;
  }

 private:
  Items items_;
};

// A value that is not changed any more; copies share it.
template <class T>
class Frozen {
 public:
  Frozen() : value_(none()) {}
  Frozen(T value) : value_(std::make_shared<const T>(std::move(value))) {}

  operator const T&() const { return *value_; }
  const T& operator*() const { return *value_; }
  auto begin() const { return value_->begin(); }
  auto end() const { return value_->end(); }
  bool empty() const { return value_->empty(); }
  std::size_t size() const { return value_->size(); }
  const auto& operator[](std::size_t i) const { return (*value_)[i]; }
  friend bool operator==(const Frozen& a, const Frozen& b) {
    return a.value_ == b.value_ || *a.value_ == *b.value_;
  }

 private:
  static const std::shared_ptr<const T>& none() {
    static const auto value = std::make_shared<const T>();
    return value;
  }
  std::shared_ptr<const T> value_;
};

}  // namespace durward
