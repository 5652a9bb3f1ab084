"""jq's builtins by what they take, and what their arguments are.

Arguments: e any expression, p a path, s a string, n a number, a an array, o an object, r a regular
expression, f flags of one, t a format of times.
"""


def table(text):
    rows = []
    for entry in text.split():
        name, _, kinds = entry.partition("/")
        rows.append((name, list(kinds)))
    return rows


STRINGS = table("""
length utf8bytelength ascii_downcase ascii_upcase explode tojson fromjson tostring tonumber trim
ltrim rtrim toboolean ascii_downcase split/s split/rf splits/r splits/rf join/s ltrimstr/s rtrimstr/s
trimstr/s startswith/s endswith/s contains/s inside/s index/s rindex/s indices/s test/r test/rf
match/r match/rf capture/r capture/rf scan/r scan/rf sub/rs sub/rsf gsub/rs gsub/rsf gsub/re sub/re
@text @json @html @uri @urid @csv @tsv @sh @base64 @base64d format/s has/e
fromdate fromdateiso8601 strptime/t error error/e reverse ascii getpath/a tojson|fromjson
explode|implode test/a match/a capture/a ltrimstr/e rtrimstr/e splits/e getpath/e
""")

ARRAYS = table("""
length add add/e any all any/e all/e any/ee all/ee flatten flatten/n sort sort_by/e group_by/e
unique unique_by/e min max min_by/e max_by/e reverse map/e map_values/e first last nth/n index/e
rindex/e indices/e contains/e inside/e join/s transpose combinations combinations/n to_entries
from_entries implode bsearch/e @csv @tsv @sh tojson tostream keys has/n in/e limit/ne first/e last/e
until/ee isempty/e INDEX/e IN/e IN/ee walk/e paths paths/e leaf_paths del/p delpaths/a
getpath/a skip/ne nth/ne range/n range/nn range/nnn splits/e tojson|fromjson
@json @html recurse recurse/e recurse/ee have_literal_numbers toarray add/p pick/p sort_by/ee
group_by/ee indices/a index/a min_by/p env.none|length unique_by/p implode
""")

OBJECTS = table("""
length keys keys_unsorted to_entries from_entries with_entries/e map_values/e map/e has/s has/e in/e
contains/o inside/o add any all del/p delpaths/a paths leaf_paths tostream tojson getpath/a pick/p
walk/e to_entries|from_entries min max sort unique reverse first .[] values type not @json @text
@html tostring with_entries/p INDEX/e IN/e splits/e ltrimstr/s explode utf8bytelength implode
""")

NUMBERS = table("""
floor ceil round sqrt fabs abs trunc rint nearbyint significand logb gamma lgamma tgamma lgamma_r
frexp modf exp exp2 exp10 log log2 log10 log1p expm1 sin cos tan asin acos atan sinh cosh tanh asinh
acosh atanh cbrt pow/nn atan2/nn fmin/nn fmax/nn fma/nnn fmod/nn ldexp/nn scalb/nn scalbln/nn
nextafter/nn nexttoward/nn copysign/nn drem/nn hypot/nn fdim/nn remainder/nn isinfinite isnan
isnormal isfinite infinite nan not tostring tojson tonumber length toarray ascii implode todate
gmtime mktime range/n limit/ne j0 j1 y0 y1 jn/nn yn/nn erf erfc have_literal_numbers @text @json @base64 type
until/ee while/ee repeat/e trunc error normals finites ltrimstr/s min max abs toboolean
""")

TIMES = table("""
todate fromdate gmtime mktime strftime/t strflocaltime/t strptime/t localtime date dateadd/en
datesub/en dateadd/ne todateiso8601 fromdateiso8601 gmtime|mktime gmtime|todate strftime/e
strptime/t|mktime localtime|mktime gmtime|strftime/t
""")

ANYTHING = table("""
type not tojson tostring length values nulls scalars iterables booleans numbers strings arrays objects
empty error error/e select/e map/e recurse recurse/e recurse/ee env.none first/e last/e
limit/ne skip/ne nth/ne isempty/e isvalid/e path/p paths paths/e leaf_paths pick/p del/p to_entries
walk/e getpath/a setpath/ae splits/r min_by/e add/e any/ee all/ee range/n range/nn IN/e IN/ee INDEX/ee
JOIN/oe JOIN/oee JOIN/oeee ascii_downcase @text @json @sh @csv debug debug/e 
combinations tostream fromstream/e truncate_stream/e getpath/e have_literal_numbers $__loc__ 
 ltrimstr/e tojson|fromjson while/ee until/ee repeat/e group_by/e sort_by/e
unique_by/e has/e in/e contains/e inside/e keys add reverse getpath/p limit/ee abs
tojson|length trimstr/e toarray error/s env|type have_literal_numbers bsearch/e flatten/e flatten join/e
ascii_upcase explode implode del/e delpaths/e to_entries with_entries/e significand 
splits/e sub/ee test/e match/e capture/e scan/e gsub/ee split/e startswith/e endswith/e index/e
rindex/e indices/e strptime/e strftime/e mktime gmtime ltrim rtrim trim min max unique sort transpose
""")

PATTERNS = ["a", "b", "", "^", "$", "a*", "[0-9]+", "(?<x>a)(?<y>b)?", "(a)|(b)", "x*", ".", "^a",
 "b$", "^.*$", "[a-z]+", "\\d+", "(?<n>[0-9]+)", "(?i)abc", "é", "日", "😀", "a|b|c", ",",
 ", *", "\\s+", "\\w", "(?<a>.)(?<b>.)", "[", "(?<n>x)?", "(", "\\b", "(?=a)", "(?<!a)b",
 "a{2,3}", "\\.", "^a|c$", "abc", "null", "a.c", "(?:)", "()", "()*", "^\\s*$", "\\S+",
 "[^,]+", "T", "(?<year>\\d{4})-(?<month>\\d{2})", "Ａ", "\\p{L}+", "ß", "[[:alpha:]]"]

PIECES = ["a", "b", ",", "", " ", "ab", "é", "x", "abc", ", ", "1", "日", "a b"]
