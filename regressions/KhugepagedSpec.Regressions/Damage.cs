using System.Globalization;
using System.Text;

namespace KhugepagedSpec.Regressions;

/// <summary>Damages a text, a little or much, from a seed.</summary>
internal sealed class Damage(string good, int seed)
{
    private static readonly string[] Words =
    [
        "null", "true", "\"\"", "[]", "{}", "-1", "0", "1", "1e9", "1.5", "99999999999", "9223372036854775807", "-9223372036854775808",
            "18446744073709551616", "1e999",
        "2147483647", "4096", "65536", "\\ud800", "\0", "\r", "\t", "é", "*", "[", "]", "+", ":", "=", ",", " ", "x", "f9", "f4[15+9]",
            "s[1+512]", "*999999999", "m9", "mz", "#", "@", "/",
    ];

    private readonly Random _random = new(seed);

    public string Next()
    {
        var text = new StringBuilder(good);
        for (int times = 1 + (int)Math.Log2(1 + _random.Next(16)); times > 0; times--)
            Once(text);
        return text.ToString();
    }

    private void Once(StringBuilder text)
    {
        if (text.Length == 0)
            return;
        int at = _random.Next(text.Length);
        switch (_random.Next(8))
        {
            case 0:
                text.Remove(at, 1 + _random.Next(Math.Min(8, text.Length - at)));
                break;
            case 1:
                text.Insert(at, Words[_random.Next(Words.Length)]);
                break;
            case 2:
                text[at] = (char)(' ' + _random.Next(95));
                break;
            case 3:
                text.Length = at;
                break;
            case 4:
                Replace(text, at, char.IsAsciiDigit, () => _random.Next(3) == 0 ? Words[5 + _random.Next(13)]
                    : _random.Next(2000).ToString(CultureInfo.InvariantCulture));
                break;
            case 5:
                Replace(text, at, c => c is not ('"' or ',' or ':' or '{' or '}' or '[' or ']'), () => Words[_random.Next(Words.Length)]);
                break;
            case 6:
                Lines(text);
                break;
            default:
                int length = Math.Min(1 + _random.Next(40), text.Length - at);
                text.Insert(_random.Next(text.Length), text.ToString(at, length));
                break;
        }
    }

    // The run of such characters that is nearest after a place.
    private static void Replace(StringBuilder text, int at, Func<char, bool> isOne, Func<string> with)
    {
        while (at < text.Length && !isOne(text[at]))
            at++;
        int end = at;
        while (end < text.Length && isOne(text[end]))
            end++;
        text.Remove(at, end - at).Insert(at, with());
    }

    // One line is missing, twice there, or changes places with another.
    private void Lines(StringBuilder text)
    {
        var lines = text.ToString().Split('\n').ToList();
        int one = _random.Next(lines.Count), other = _random.Next(lines.Count);
        switch (_random.Next(3))
        {
            case 0:
                lines.RemoveAt(one);
                break;
            case 1:
                lines.Insert(other, lines[one]);
                break;
            default:
                (lines[one], lines[other]) = (lines[other], lines[one]);
                break;
        }
        text.Clear().AppendJoin('\n', lines);
    }
}
