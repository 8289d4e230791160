/* The stack walk against the offset walk in Promela, a peer for the C# sweep: 16 PTEs, orders 2 to 4, max_ptes_none 0, every
 * occupancy, every script of successes and lower. One comparison is one d_step.
 * spin -a walk.pml; cc -O2 -DSAFETY -o pan pan.c; ./pan -m100000 -w26 */
#define PMD 4
#define PAGES 16
#define MIN 2
#define FULL(o, k) (((occ >> (o)) & ((1 << (1 << (k))) - 1)) == ((1 << (1 << (k))) - 1))

active proctype compare()
{
    int occ = 0, script = 0, stack[8];
    int ao, ak, bo, bk, depth, i, window;
    bool differ = false;

    atomic {
        i = 0;
        do
        :: i < 16 -> if :: true :: occ = occ | (1 << i) fi; i++
        :: else -> break
        od;
        i = 0;
        do
        :: i < 7 -> if :: true :: script = script | (1 << i) fi; i++
        :: else -> break
        od;
    d_step {
        ao = 0; ak = PMD; bo = 0; bk = PMD; depth = 0; i = 0;
again:
        /* to the next full window of the offset walk */
        do
        :: ao >= PAGES -> break
        :: else ->
            if
            :: FULL(ao, ak) -> break
            :: else ->
                if
                :: ak > MIN -> ak--
                :: else ->
                    ao = ao + (1 << ak); ak = 0;
                    do :: ak < PMD && (ao & ((2 << ak) - 1)) == 0 -> ak++ :: else -> break od
                fi
            fi
        od;
        /* and of the stack walk */
        do
        :: bk < 0 -> break
        :: else ->
            if
            :: FULL(bo, bk) -> break
            :: else ->
                if
                :: bk > MIN -> bk--; stack[depth] = ((bo + (1 << bk)) << 4) | bk; depth++
                :: else ->
                    if
                    :: depth == 0 -> bk = -1
                    :: else -> depth--; bo = stack[depth] >> 4; bk = stack[depth] & 15
                    fi
                fi
            fi
        od;
        if
        :: ao >= PAGES && bk < 0 -> goto done
        :: ao >= PAGES && bk >= 0 -> differ = true; goto done
        :: ao < PAGES && bk < 0 -> differ = true; goto done
        :: else ->
            if
            :: ao != bo || ak != bk -> differ = true; goto done
            :: else -> skip
            fi
        fi;
        window = (1 << (PMD - ak)) - 1 + (ao >> ak);
        if
        :: (script >> window) & 1 ->
            ao = ao + (1 << ak); ak = 0;
            do :: ak < PMD && (ao & ((2 << ak) - 1)) == 0 -> ak++ :: else -> break od;
            if
            :: depth == 0 -> bk = -1
            :: else -> depth--; bo = stack[depth] >> 4; bk = stack[depth] & 15
            fi
        :: else ->
            if
            :: ak > MIN -> ak--
            :: else ->
                ao = ao + (1 << ak); ak = 0;
                do :: ak < PMD && (ao & ((2 << ak) - 1)) == 0 -> ak++ :: else -> break od
            fi;
            if
            :: bk > MIN -> bk--; stack[depth] = ((bo + (1 << bk)) << 4) | bk; depth++
            :: else ->
                if
                :: depth == 0 -> bk = -1
                :: else -> depth--; bo = stack[depth] >> 4; bk = stack[depth] & 15
                fi
            fi
        fi;
        goto again;
done:
        stack[0] = 0; stack[1] = 0; stack[2] = 0;
        ao = 0; ak = 0; bo = 0; bk = 0; depth = 0; i = 0; window = 0
    }
    }
    assert(!differ)
}
