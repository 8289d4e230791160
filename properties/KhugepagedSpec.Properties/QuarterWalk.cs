using KhugepagedSpec.PageTables;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Properties;

/// <summary>A walk with a stack that pushes the right half as its two quarters, as nobody proposed.</summary>
internal sealed record QuarterWalk() : OrderWalk("quarters")
{
    public override bool HasStack => true;

    public override TResult Use<TResult>(IWalkerUse<TResult> use) => use.With((geometry, _) => new Walker(geometry));

    private struct Walker(Geometry geometry) : IOrderWalker
    {
        private readonly int _end = geometry.Pages;

        public int Offset { get; private set; }

        public int Order { get; private set; } = geometry.PmdOrder;

        public WindowStack Pending { get; private set; }

        public readonly bool IsDone => Order < 0;

        public void Lower()
        {
            if (Order <= Geometry.MinOrder)
            {
                Advance(0);
                return;
            }
            int half = Order - 1, quarter = Math.Max(half - 1, Geometry.MinOrder);
            for (int at = Offset + (2 << half) - (1 << quarter); at >= Offset + (1 << half); at -= 1 << quarter)
                Pending = Pending.Push(at, quarter);
            Order = half;
        }

        public void Advance(int pages)
        {
            (Offset, Order) = Pending.IsEmpty ? (_end, -1) : Pending.Top;
            Pending = Pending.Pop();
        }
    }
}
