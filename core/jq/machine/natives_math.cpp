// Numbers: the functions of the C library, by jq's names.
#include <cmath>
#include <limits>

#include "core/jq/machine/builtins.hpp"

namespace holdfast::jq::machine {
namespace {

bool need_number(Bench& bench, const Value& value) {
    return value.is(Kind::number) || bench.fail(described(bench.heap, value) + " number required");
}

template <double (*function)(double)>
bool of_one(Bench& bench, const Value* v, Value& out) {
    if (!need_number(bench, v[0])) return false;
    out = Value::of(function(number_of(v[0])));
    return true;
}

template <double (*function)(double, double)>
bool of_two(Bench& bench, const Value* v, Value& out) {
    if (!need_number(bench, v[1]) || !need_number(bench, v[2])) return false;
    out = Value::of(function(number_of(v[1]), number_of(v[2])));
    return true;
}

double to_power_of_ten(double x) { return ::exp10(x); }
double significand_of(double x) {
    if (x == 0 || !std::isfinite(x)) return x;
    int exponent = 0;
    return std::frexp(x, &exponent) * 2;
}
double log_gamma(double x) {
    int sign = 0;
    return ::lgamma_r(x, &sign);
}
/// 2 to the power of what may be any number.
double scaled(double x, double by) {
    if (by != by) return by;
    return std::scalbln(x, static_cast<long>(std::fmin(std::fmax(by, -1e5), 1e5)));
}

double bessel_j(double order, double x) { return ::jn(static_cast<int>(order), x); }
double bessel_y(double order, double x) { return ::yn(static_cast<int>(order), x); }
/// jn() and yn() take as many steps as their order says.
template <double (*function)(double, double)>
bool of_order(Bench& bench, const Value* v, Value& out) {
    constexpr double order_max = 10000;
    if (!need_number(bench, v[1]) || !need_number(bench, v[2])) return false;
    const double order = number_of(v[1]);
    if (!(order >= -order_max && order <= order_max)) {
        return bench.fail(described(bench.heap, v[1]) + " is no order of a Bessel function");
    }
    bench.heap.work(static_cast<std::uint64_t>(std::fabs(order)));
    out = Value::of(function(order, number_of(v[2])));
    return true;
}

/// scalb() of glibc: what is no whole number is no power.
double scaled_whole(double x, double by) {
    const bool is_whole = !std::isfinite(by) || by == std::trunc(by);
    return is_whole ? scaled(x, by) : std::numeric_limits<double>::quiet_NaN();
}

bool fma(Bench& bench, const Value* v, Value& out) {
    for (int i = 1; i <= 3; ++i) {
        if (!need_number(bench, v[i])) return false;
    }
    out = Value::of(std::fma(number_of(v[1]), number_of(v[2]), number_of(v[3])));
    return true;
}

bool pair(Bench& bench, double first, double second, Value& out) {
    const Value both[] = {Value::of(first), Value::of(second)};
    out = make_array(bench.heap, both, 2);
    return true;
}

bool split_exponent(Bench& bench, const Value* v, Value& out) {
    if (!need_number(bench, v[0])) return false;
    int exponent = 0;
    const double number = number_of(v[0]);
    const double part = std::frexp(number, &exponent);
    return pair(bench, part, std::isfinite(number) ? exponent : 0, out);
}

bool split_whole(Bench& bench, const Value* v, Value& out) {
    if (!need_number(bench, v[0])) return false;
    double whole = 0;
    const double part = std::modf(number_of(v[0]), &whole);
    return pair(bench, part, whole, out);
}

bool log_gamma_sign(Bench& bench, const Value* v, Value& out) {
    if (!need_number(bench, v[0])) return false;
    int sign = 1;
    const double number = ::lgamma_r(number_of(v[0]), &sign);
    return pair(bench, number, sign, out);
}

/// Of what is no number none holds.
template <bool (*holds)(double)>
bool whether(Bench&, const Value* v, Value& out) {
    out = Value::of(v[0].is(Kind::number) && holds(number_of(v[0])));
    return true;
}
bool is_infinite(double number) { return std::isinf(number); }
bool is_nan(double number) { return std::isnan(number); }
bool is_normal(double number) { return std::isnormal(number); }

bool infinite(Bench&, const Value*, Value& out) {
    out = Value::of(std::numeric_limits<double>::infinity());
    return true;
}
bool nan(Bench&, const Value*, Value& out) {
    out = Value::of(std::numeric_limits<double>::quiet_NaN());
    return true;
}

std::vector<NativeEntry> of_two_numbers() {
    return {{"pow", 2, of_two<std::pow>},
            {"atan2", 2, of_two<std::atan2>},
            {"fmod", 2, of_two<std::fmod>},
            {"fmin", 2, of_two<std::fmin>},
            {"fmax", 2, of_two<std::fmax>},
            {"fdim", 2, of_two<std::fdim>},
            {"hypot", 2, of_two<std::hypot>},
            {"copysign", 2, of_two<std::copysign>},
            {"drem", 2, of_two<std::remainder>},
            {"remainder", 2, of_two<std::remainder>},
            {"nextafter", 2, of_two<std::nextafter>},
            {"nexttoward", 2, of_two<std::nextafter>},
            {"ldexp", 2, of_two<scaled>},
            {"scalb", 2, of_two<scaled_whole>},
            {"scalbln", 2, of_two<scaled>},
            {"jn", 2, of_order<bessel_j>},
            {"yn", 2, of_order<bessel_y>},
            {"fma", 3, fma}};
}

}  // namespace

std::vector<NativeEntry> math_natives() {
    std::vector<NativeEntry> all{{"floor", 0, of_one<std::floor>},
                                 {"ceil", 0, of_one<std::ceil>},
                                 {"round", 0, of_one<std::round>},
                                 {"trunc", 0, of_one<std::trunc>},
                                 {"rint", 0, of_one<std::rint>},
                                 {"nearbyint", 0, of_one<std::nearbyint>},
                                 {"sqrt", 0, of_one<std::sqrt>},
                                 {"cbrt", 0, of_one<std::cbrt>},
                                 {"fabs", 0, of_one<std::fabs>},
                                 {"exp", 0, of_one<std::exp>},
                                 {"exp2", 0, of_one<std::exp2>},
                                 {"exp10", 0, of_one<to_power_of_ten>},
                                 {"expm1", 0, of_one<std::expm1>},
                                 {"log", 0, of_one<std::log>},
                                 {"log2", 0, of_one<std::log2>},
                                 {"log10", 0, of_one<std::log10>},
                                 {"log1p", 0, of_one<std::log1p>},
                                 {"logb", 0, of_one<std::logb>},
                                 {"sin", 0, of_one<std::sin>},
                                 {"cos", 0, of_one<std::cos>},
                                 {"tan", 0, of_one<std::tan>},
                                 {"asin", 0, of_one<std::asin>},
                                 {"acos", 0, of_one<std::acos>},
                                 {"atan", 0, of_one<std::atan>},
                                 {"sinh", 0, of_one<std::sinh>},
                                 {"cosh", 0, of_one<std::cosh>},
                                 {"tanh", 0, of_one<std::tanh>},
                                 {"asinh", 0, of_one<std::asinh>},
                                 {"acosh", 0, of_one<std::acosh>},
                                 {"atanh", 0, of_one<std::atanh>},
                                 {"gamma", 0, of_one<log_gamma>},
                                 {"lgamma", 0, of_one<log_gamma>},
                                 {"tgamma", 0, of_one<std::tgamma>},
                                 {"erf", 0, of_one<std::erf>},
                                 {"erfc", 0, of_one<std::erfc>},
                                 {"j0", 0, of_one<::j0>},
                                 {"j1", 0, of_one<::j1>},
                                 {"y0", 0, of_one<::y0>},
                                 {"y1", 0, of_one<::y1>},
                                 {"significand", 0, of_one<significand_of>},
                                 {"frexp", 0, split_exponent},
                                 {"modf", 0, split_whole},
                                 {"lgamma_r", 0, log_gamma_sign},
                                 {"isinfinite", 0, whether<is_infinite>},
                                 {"isnan", 0, whether<is_nan>},
                                 {"isnormal", 0, whether<is_normal>},
                                 {"infinite", 0, infinite},
                                 {"nan", 0, nan}};
    for (const NativeEntry& one : of_two_numbers()) all.push_back(one);
    return all;
}

}  // namespace holdfast::jq::machine
