using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Collapse;

/// <summary>What other actors do in the gaps of an attempt, where collapse holds no lock: scripted, for the model that runs alone.</summary>
internal static class Interference
{
    private static readonly Mishap[] ByOthers =
    [
        Mishap.MmExits, Mishap.VmaUnmapped, Mishap.VmaShrinks, Mishap.SizeTurnedOff, Mishap.VmaTurnsFile, Mishap.TableFreed,
        Mishap.PmdTurnsHuge, Mishap.PageZapped, Mishap.PageSwappedOut, Mishap.PagePinned, Mishap.PageFreed,
        Mishap.PageWriteProtected, Mishap.PageTurnsDevice,
    ];

    public static void Act(Machine machine, AddressSpace mm, long start, int order, int offset, Gap gap)
    {
        if (machine.Script.IsEmpty)
            return;
        foreach (var what in ByOthers)
            if (machine.Script.Strikes(what, order, offset, gap))
            {
                ToTheRange(machine, mm, start, order, what);
                ToTheFirstPage(machine, mm, start + offset, what);
            }
    }

    private static void ToTheRange(Machine machine, AddressSpace mm, long start, int order, Mishap what)
    {
        var vma = mm.FindVma(start);
        switch (what)
        {
            case Mishap.MmExits:
                mm.IsExiting = true;
                break;
            case Mishap.SizeTurnedOff:
                machine.Settings = machine.Settings with
                {
                    Always = machine.Settings.Always.Without(order),
                    Madvise = machine.Settings.Madvise.Without(order),
                    Inherit = machine.Settings.Inherit.Without(order),
                };
                break;
            case Mishap.VmaUnmapped when vma is not null:
                Zap(machine, mm, start);
                mm.Replace(vma);
                break;
            case Mishap.VmaShrinks when vma is not null:
                mm.Replace(vma, vma with { End = start + machine.Geometry.Pages - 1 });
                break;
            case Mishap.VmaTurnsFile when vma is not null:
                mm.Replace(vma, vma with { Flags = vma.Flags & ~VmaFlags.Anonymous });
                break;
            case Mishap.TableFreed:
                Zap(machine, mm, start);
                break;
            case Mishap.PmdTurnsHuge:
                Zap(machine, mm, start);
                int pages = machine.Geometry.Pages;
                int folio = machine.Memory.Allocate(machine.Geometry.PmdOrder);
                machine.Memory.Map(folio, pages, mm.Id);
                mm.TableAt(start).MapHuge(folio);
                break;
        }
    }

    private static void ToTheFirstPage(Machine machine, AddressSpace mm, long page, Mishap what)
    {
        var program = new UserProgram(machine, mm);
        switch (what)
        {
            case Mishap.PageZapped:
                program.DontNeed(page, 1);
                break;
            case Mishap.PageSwappedOut:
                program.PageOut(page, 1);
                break;
            case Mishap.PagePinned:
                program.Pin(page, 1);
                break;
            case Mishap.PageFreed:
                program.Free(page, 1);
                break;
            case Mishap.PageWriteProtected:
                program.WriteProtect(page, 1);
                break;
            case Mishap.PageTurnsDevice:
                program.DontNeed(page, 1);
                mm.TableAt(page).Ptes[machine.Geometry.IndexOf(page)] = new Pte(PteKind.ZoneDevice, PteFlags.Young, -1);
                break;
        }
    }

    private static void Zap(Machine machine, AddressSpace mm, long start) => new UserProgram(machine, mm).ZapTable(start);
}
