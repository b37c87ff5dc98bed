// Names of their own: std::remainder and std::multiplies live nearby.
std::string sum_of(std::string a, std::string b) { return add(std::string_view(a), std::string_view(b)); }
std::string difference_of(std::string a, std::string b) { return subtract(std::string_view(a), std::string_view(b)); }
std::string product_of(std::string a, std::string b) { return multiply(std::string_view(a), std::string_view(b)); }
std::string power_of(std::string base, unsigned exponent) { return power(std::string_view(base), exponent); }
int order_of(std::string a, std::string b) { return compare(std::string_view(a), std::string_view(b)); }
std::uint32_t remainder_of(std::string a, std::uint32_t modulus) { return remainder(std::string_view(a), modulus); }

QB_FUNCTION(sum_of)
QB_FUNCTION(difference_of)
QB_FUNCTION(product_of)
QB_FUNCTION(power_of)
QB_FUNCTION(order_of)
QB_FUNCTION(remainder_of)
