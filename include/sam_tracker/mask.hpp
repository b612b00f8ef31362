// Copyright 2026 the sam_tracker authors
// SPDX-License-Identifier: Apache-2.0
#ifndef SAM_TRACKER__MASK_HPP_
#define SAM_TRACKER__MASK_HPP_

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace sam_tracker
{

/// The most pixels of a mask that is given as run lengths: a few bytes may claim any number.
constexpr std::uint64_t MOST_PIXELS = std::uint64_t{1} << 27;

/// Return the pixels of a mask message, however they are encoded.
///
/// With OpenCV: `auto pixels = mask_pixels(track.mask);`, then
/// `cv::Mat(track.mask.region.height, track.mask.region.width, CV_8UC1, pixels.data())`.
///
/// \tparam Mask sam_tracker::msg::Mask
/// \param mask the message
/// \return region.height rows of region.width bytes, 0 off the object, else not 0; empty: no mask
/// \throws std::invalid_argument data or run_lengths do not have the size of the region, or both
///   are given
template<typename Mask>
std::vector<std::uint8_t> mask_pixels(const Mask & mask)
{
  const std::uint64_t width = mask.region.width;
  const std::uint64_t height = mask.region.height;
  const std::uint64_t size = width * height;
  const auto refuse = [&](const std::string & reason) {
      throw std::invalid_argument(
              "the mask of " + std::to_string(width) + "x" + std::to_string(height) +
              " pixels has " + reason);
    };
  if (mask.run_lengths.empty()) {
    if (mask.data.size() != size) {
      refuse(std::to_string(mask.data.size()) + " bytes of data");
    }
    return {mask.data.begin(), mask.data.end()};
  }
  if (!mask.data.empty()) {
    refuse("both data and run lengths");
  }
  if (size > MOST_PIXELS) {
    refuse("more pixels than run lengths may claim");
  }
  std::uint64_t sum = 0;
  for (const std::uint32_t length : mask.run_lengths) {
    sum += length;
  }
  if (sum != size) {
    refuse("run lengths of " + std::to_string(sum) + " pixels");
  }
  std::vector<std::uint8_t> pixels(size, 0);
  std::uint64_t position = 0;
  bool inside = false;
  for (const std::uint32_t length : mask.run_lengths) {
    // Runs go down the columns, and bytes along the rows.
    if (inside && length > 0) {
      std::uint64_t column = position / height;
      std::uint64_t row = position % height;
      for (std::uint32_t step = 0; step < length; ++step) {
        pixels[row * width + column] = 255;
        if (++row == height) {
          row = 0;
          ++column;
        }
      }
    }
    position += length;
    inside = !inside;
  }
  return pixels;
}

}  // namespace sam_tracker

#endif  // SAM_TRACKER__MASK_HPP_
