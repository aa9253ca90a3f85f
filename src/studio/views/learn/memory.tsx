/** Chapter 4: layers as memory cells, the shapes of sequence problems, and the smallest of them learned. */
import { Formula } from "../../components/formula.tsx";
import { Counting } from "./counting.tsx";
import { MatrixRow } from "./matrix-row.tsx";
import { Questions } from "./questions.tsx";
import { Shapes } from "./shapes.tsx";
import { Symbols } from "./symbols.tsx";

export default function Memory() {
  return (
    <>
      <p>
        One neuron with a loop remembers one number. Put several side by side, let each of them read the last outputs of{" "}
        <em>all</em>, and the weight <Formula tex="u" /> becomes a matrix <Formula tex="U" />: the same equation, now
        about vectors. Such a layer is a <strong>memory cell</strong>. Its state <Formula tex="h_t" /> is a list of
        numbers, one for each unit, and it is all that the cell knows at step <Formula tex="t" /> of everything that
        came before. The next step sees the new input and that list, nothing else.
      </p>
      <Symbols
        of={[
          [
            "U",
            "A matrix: a table of weights, with a row for each unit that hears and a column for each that it hears.",
          ],
          ["x_t, h_t", "Vectors: lists of numbers, one for each input or unit."],
          ["U h", "Each row of the table times the list, number by number, and added up: a new list."],
        ]}
      />
      <p>
        That product looks harder than it is. Here are three units. Each row of the table belongs to the unit that
        hears: it is multiplied with what the three units said, weight by weight, and added up. It is the neuron’s sum
        of chapter 1, three times, and the table only keeps the weights of all three in one place.
      </p>
      <MatrixRow />
      <p>
        A state of fixed size for a past of any length: the cell has to choose what is worth keeping. What is worth
        keeping depends on what is asked of it, and when. Four shapes cover nearly all sequence problems; a copy with a
        double edge is a second network, and a dashed arrow is an output that becomes the next input.
      </p>
      <Shapes />
      <h2>The smallest example: what comes next?</h2>
      <p>
        Read 1 2 3 4 5 and say, at each step, the number that follows: 2 3 4 5 6. The answers are the inputs, shifted by
        one; nobody has to label anything, and every language model is trained in this way. Here a layer of a few units
        learns it, with one more weighted sum that makes a single number of its state. One epoch is one look at all the
        rows. The numbers are divided by 10 on the way in, because networks like small numbers. The seed is the number
        from which the random first weights are drawn: another seed is another start.
      </p>
      <Counting />
      <h2>What to try</h2>
      <ul class="try">
        <li>
          Train the LSTM of 8 units on one row. The blue dots move into their rings within a hundred epochs. Then it is
          asked about a sixth number, which it has never read, and goes on from its own answers: about 7, and then it
          falls further behind with every answer. It has learned five answers, not what counting is.
        </li>
        <li>
          Ten rows start at different numbers, up to 13. Now the LSTM keeps up: where 12 would be right its last answer
          is between 10.5 and 14, too slow or too fast by the seed, and after one row it was below 11. What fits all the
          rows is nearly “one more”. What a network does with what it has not seen depends on what it has seen.
        </li>
        <li>
          The simple RNN with 8 units learns one row almost to the last bit with nearly every seed, and is lost at the
          sixth step. Take one unit: the error is larger, and the sixth answer is usually better. The answer is always
          in the number just read, so the task needs no memory at all, and what more units find in the step before holds
          for those five steps only.
        </li>
      </ul>
      <p>
        The pictures show the real training: <code>fit</code> with Adam, backpropagation through five steps, on a thread
        of this page. (Adam is gradient descent with a rate of its own for each weight, found on the way.) In the next
        chapter the sequences get longer, and the simple RNN gets into trouble.
      </p>
      <Questions chapter="memory" />
      <p class="sources">
        I. Sutskever, O. Vinyals and Q. V. Le, “Sequence to sequence learning with neural networks”, 2014. K. Cho et
        al., “Learning phrase representations using RNN encoder-decoder”, 2014. The four shapes are told apart as in A.
        Karpathy, “The unreasonable effectiveness of recurrent neural networks”, 2015.
      </p>
    </>
  );
}
