namespace KhugepagedSpec.Scenarios;

/// <summary>
/// Where a generator's choices come from: chance (<see cref="RandomChoices"/>), or every sequence of choices in turn
/// (<see cref="Odometer"/>). A generator written against it serves both.
/// </summary>
public abstract class Choices
{
    /// <summary>A number from 0 to <paramref name="bound"/> - 1.</summary>
    /// <param name="bound">1 or more.</param>
    public abstract int Below(int bound);

    /// <summary>A number from <paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    public int Between(int low, int high) => low + Below(high - low + 1);

    /// <summary>True for one choice in <paramref name="n"/>.</summary>
    public bool OneIn(int n) => Below(n) == 0;

    /// <summary>One of <paramref name="items"/>.</summary>
    public T Of<T>(ReadOnlySpan<T> items) => items[Below(items.Length)];

    /// <summary>Brings <paramref name="items"/> into any order.</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int other = Below(i + 1);
            (items[i], items[other]) = (items[other], items[i]);
        }
    }
}

/// <summary>Chance: SplitMix64 (G. Steele, D. Lea, C. Flood, 2014). The same seed gives the same choices.</summary>
public sealed class RandomChoices(ulong seed) : Choices
{
    private ulong _state = seed;

    /// <inheritdoc/>
    public override int Below(int bound)
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return (int)(((z ^ (z >> 31)) >> 32) * (ulong)bound >> 32);
    }
}

/// <summary>Every sequence of choices, in ascending order of its last choice first: an odometer whose wheels the generator names.</summary>
public sealed class Odometer : Choices
{
    private readonly List<(int Digit, int Bound)> _wheels = [];
    private int _at;

    private Odometer()
    {
    }

    /// <summary>What <paramref name="make"/> makes of every sequence of choices.</summary>
    public static IEnumerable<T> All<T>(Func<Choices, T> make)
    {
        var odometer = new Odometer();
        do
        {
            odometer._at = 0;
            yield return make(odometer);
        }
        while (odometer.Turn());
    }

    /// <inheritdoc/>
    public override int Below(int bound)
    {
        if (_at == _wheels.Count)
            _wheels.Add((0, bound));
        return _wheels[_at++].Digit;
    }

    private bool Turn()
    {
        while (_wheels.Count > 0)
        {
            var (digit, bound) = _wheels[^1];
            if (digit + 1 < bound)
            {
                _wheels[^1] = (digit + 1, bound);
                return true;
            }
            _wheels.RemoveAt(_wheels.Count - 1);
        }
        return false;
    }
}
